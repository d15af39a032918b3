// A long context for the peer without an hour of prefill: the state of a short one, its rows repeated at later positions.
// A decode step reads the same bytes as after a real prefill (as ours does after --synthetic-context). The layout is that
// of llama_state_seq_save_file in the pinned release, little-endian; llama.cpp checks every size when it reads it back.

import fs from "node:fs";

/** Writes the state in `shortFile` to `longFile` with its cells `copies` times over. */
export function repeatState(shortFile, longFile, copies) {
    const input = new Cursor(fs.readFileSync(shortFile));
    const output = fs.openSync(longFile, "w");
    const write = (...pieces) => fs.writeSync(output, Buffer.concat(pieces));
    const repeat = piece => write(...Array(copies).fill(piece));
    const u32 = value => Buffer.from(Uint32Array.of(value).buffer);
    try {
        write(input.take(8)); // magic, version
        const tokens = input.u32();
        write(u32(tokens * copies));
        repeat(input.take(4 * tokens));
        write(input.take(4)); // streams; the sequence's own is the first, the others are empty
        const cells = input.u32();
        write(u32(cells * copies));
        const places = input.take(12 * cells); // position, number of sequences (1), the sequence
        for (let copy = 0; copy < copies; copy++) {
            const moved = Buffer.from(places);
            for (let cell = 0; cell < cells; cell++)
                moved.writeInt32LE(places.readInt32LE(12 * cell) + copy * cells, 12 * cell);
            write(moved);
        }
        const isTransposed = input.u32() !== 0, layers = input.u32();
        write(u32(isTransposed ? 1 : 0), u32(layers));
        const rows = () => {
            write(input.take(4)); // type
            const rowBytes = input.take(8);
            write(rowBytes);
            repeat(input.take(Number(rowBytes.readBigUInt64LE()) * cells));
        };
        for (let layer = 0; layer < layers; layer++)
            rows();
        for (let layer = 0; layer < layers; layer++) {
            if (!isTransposed) {
                rows();
                continue;
            }
            write(input.take(4));
            const elementBytes = input.u32(), width = input.u32();
            write(u32(elementBytes), u32(width));
            for (let column = 0; column < width; column++)
                repeat(input.take(elementBytes * cells));
        }
        write(input.rest());
    } finally {
        fs.closeSync(output);
    }
}

class Cursor {
    #data;
    #place = 0;

    constructor(data) {
        this.#data = data;
    }

    take(bytes) {
        if (this.#place + bytes > this.#data.length)
            throw new Error("llama.cpp's state file is not laid out as that of the pinned release");
        return this.#data.subarray(this.#place, (this.#place += bytes));
    }

    u32() {
        return this.take(4).readUInt32LE();
    }

    rest() {
        return this.take(this.#data.length - this.#place);
    }
}
