// How large a cell is: as large as the room allows.

export const NARROW = 720; // a telephone; style/small.css has it too
const GAPS = 60,
    SMALLEST = 8,
    LARGEST = 22;
const FRAME = 0.8; // a frame's cell beside an entry's: it says less
const BELOW = { desk: 560, wall: 680, stage: 270 }, // what stands above and below the tables
    BESIDE = { desk: 215, wall: 290, stage: 120 }; // and the frames

// ROOT holds the grids; FRAMES is how many frames there are. On a telephone a grid has the whole width.
export function measure(root, frames) {
    const { classList } = document.body,
        place = classList.contains("stage") ? "stage" : classList.contains("present") ? "wall" : "desk";
    const width = root.clientWidth,
        height = root.clientHeight;
    if (innerWidth <= NARROW) return narrow(width);
    const across = Math.floor((width - GAPS) / (64 + 32 * FRAME)),
        above = Math.floor((height - BELOW[place] - root.querySelector("#spaces").offsetHeight) / 32);
    const wide = innerWidth > 1100;
    const pitch = clamp(wide ? Math.min(across, above) : across);
    const room = width - GAPS - 64 * pitch,
        rows = Math.ceil(frames / 32);
    const tall = wide ? Math.floor((height - BESIDE[place]) / rows) : pitch;
    return {
        pitch,
        framePitch: clamp(Math.min(Math.floor(room / 32), Math.max(tall, SMALLEST), pitch)),
        frameColumns: 32,
    };
}

function narrow(width) {
    const pitch = Math.floor((width / 32) * 2) / 2;
    return { pitch, framePitch: pitch, frameColumns: 32 };
}

const clamp = pitch => Math.max(SMALLEST, Math.min(LARGEST, pitch));
