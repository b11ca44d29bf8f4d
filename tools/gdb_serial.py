"""Quire's serial line on gdb's terminal. `make debug` loads this file into gdb.

QEMU has the serial line on a pair of FIFOs, $serial_line.in and .out. What Quire sends appears on the terminal; what
is typed while Quire runs goes to it. gdb does not read the terminal then, and a thread does, with line editing and
echo off. Ctrl-C stops Quire: until the next `continue` the terminal is gdb's."""
import os
import select
import signal
import sys
import termios
import threading

import gdb

KEYBOARD, SCREEN = sys.__stdin__.fileno(), sys.__stdout__.fileno()
POLL = 0.05  # seconds until the thread notices that Quire runs, or no longer does


class SerialLine:
    def __init__(self, path):
        # Opened for both directions, so that opening does not wait for QEMU.
        self.to_quire = os.open(path + ".in", os.O_RDWR | os.O_NONBLOCK)
        self.from_quire = os.open(path + ".out", os.O_RDWR)
        self.running = False
        self.mode = None  # the terminal's own, while Quire has it
        gdb.events.cont.connect(self.take_keyboard)
        gdb.events.before_prompt.connect(self.give_keyboard_back)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # the thread leaves signals to gdb
        threading.Thread(target=self.relay, daemon=True).start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def take_keyboard(self, _event):
        if self.mode is None:
            self.mode = termios.tcgetattr(KEYBOARD)
            raw = termios.tcgetattr(KEYBOARD)
            raw[0] &= ~termios.ICRNL
            raw[3] &= ~(termios.ICANON | termios.ECHO)
            termios.tcsetattr(KEYBOARD, termios.TCSANOW, raw)
            self.running = True

    def give_keyboard_back(self):
        if self.mode is not None:
            self.running = False
            termios.tcsetattr(KEYBOARD, termios.TCSANOW, self.mode)
            self.mode = None

    def relay(self):
        while True:
            ready, _, _ = select.select([self.from_quire] + [KEYBOARD] * self.running, [], [], POLL)
            if self.from_quire in ready:
                os.write(SCREEN, os.read(self.from_quire, 4096))
            if KEYBOARD in ready and self.running:
                self.send(os.read(KEYBOARD, 256))

    def send(self, text):
        try:
            os.write(self.to_quire, text)
        except BlockingIOError:
            pass  # 64 KiB of it wait already: Quire takes no input


SerialLine(gdb.convenience_variable("serial_line").string())
