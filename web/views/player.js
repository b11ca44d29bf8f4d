// Plays the steps of a command, one after the other. A reader who wants no motion sees the end at once.
import { still } from "./theme.js";

const LONGEST = 5000,
    SLOWEST = 450,
    QUICKEST = 40,
    TOO_MANY = 300;

export class Player {
    constructor(app) {
        this.app = app;
    }

    get playing() {
        return this.timer !== undefined;
    }

    // A command has ended: its steps are shown, unless they are too many to be followed, or too few to be missed.
    show(chapter) {
        if (
            !chapter ||
            still() ||
            !chapter.command ||
            chapter.to - chapter.from < 2 ||
            chapter.to - chapter.from > TOO_MANY
        )
            return;
        this.play(chapter.from, chapter.to);
    }

    toggle() {
        if (this.playing) this.stop();
        else {
            const chapter = this.app.currentChapter(),
                { t } = this.app;
            this.play(t > chapter.from && t < chapter.to ? t : chapter.from, chapter.to);
        }
        this.app.draw();
    }

    play(from, to) {
        this.stop();
        const pace = Math.max(QUICKEST, Math.min(SLOWEST, LONGEST / Math.max(1, to - from)));
        this.app.playing = true;
        this.app.moveTo(from, { playing: true });
        const next = () => {
            this.app.moveTo(this.app.t + 1, { playing: true });
            if (this.app.t >= to) this.stop();
            else this.timer = setTimeout(next, pace);
        };
        this.timer = setTimeout(next, pace);
    }

    stop() {
        if (!this.playing) return;
        clearTimeout(this.timer);
        this.timer = undefined;
        this.app.playing = false;
        this.app.draw();
    }
}
