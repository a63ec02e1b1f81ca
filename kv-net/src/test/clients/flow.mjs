// What the flows have in common: their arguments, their checks, one line each, and the end.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, parseArgs } from 'node:util';

/** A check that takes longer has failed. Generous: the machine may have other work, and only what hangs shall fail. */
const CHECK_MILLIS = 180_000;

/** Printed of what a failed check says, so that a difference in 25 MiB does not flood the log. */
const MAX_REASON_CHARS = 4000;

/**
 * Reads --base URL (with /client/v4), --account ID and --token T or --token-file F, and the options of this flow.
 * Ends the process with 2 if one is missing.
 */
export function settings(options = {}) {
    try {
        const { values } = parseArgs({
            options: {
                base: { type: 'string' },
                account: { type: 'string' },
                token: { type: 'string' },
                'token-file': { type: 'string' },
                ...options,
            },
        });
        values.token ??= values['token-file'] && readFileSync(values['token-file'], 'utf8').trim();
        for (const name of ['base', 'account', 'token']) {
            assert(values[name], `--${name} is missing`);
        }
        values.base = values.base.replace(/\/$/, '');
        return values;
    } catch (e) {
        console.error(`${e.message}\nusage: node FLOW.mjs --base http://HOST:PORT/client/v4 --account ID (--token T | --token-file F)`);
        process.exit(2);
    }
}

let number = 0; // of checks begun
let failed = 0;
const cleanups = [];

/**
 * Runs one check and prints how it went, under this name or what this function names it at its end. Never throws, so that the checks
 * after it run as well; returns whether it passed.
 */
export async function check(title, body) {
    const name = () => (typeof title === 'function' ? title() : title);
    const mine = ++number;
    const started = performance.now();
    try {
        await within(CHECK_MILLIS, body());
        console.log(`ok ${mine} - ${name()} # ${Math.round(performance.now() - started)} ms`);
        return true;
    } catch (e) {
        failed++;
        console.log(`not ok ${mine} - ${name()}`);
        const reason = e instanceof Error ? `${e.stack}${e.cause ? `\ncaused by ${e.cause}` : ''}` : String(e);
        for (const line of reason.slice(0, MAX_REASON_CHARS).split('\n')) {
            console.log(`  # ${line}`);
        }
        return false;
    }
}

/** Prints a line that is not a check. */
export function note(text) {
    console.log(`# ${text}`);
}

/** Has this done at the end, whatever happens; the last one first. */
export function atEnd(body) {
    cleanups.push(body);
}

/** Runs a flow, cleans up, prints how many checks there were, and ends the process: 0 if all of them passed. */
export async function run(flow) {
    try {
        await flow();
    } catch (e) {
        failed++;
        console.log(`not ok ${++number} - the flow itself`);
        console.log(String(e?.stack ?? e).replace(/^/gm, '  # ').slice(0, MAX_REASON_CHARS));
    }
    for (const body of cleanups.reverse()) {
        try {
            await within(CHECK_MILLIS, body());
        } catch (e) {
            failed++;
            console.log(`not ok ${++number} - cleaning up: ${e?.message ?? e}`);
        }
    }
    console.log(`1..${number}`);
    console.log(`# ${number - failed} passed, ${failed} failed`);
    // Not process.exit: what is still being written to a pipe would be lost. A timer ends what would not end by itself.
    process.exitCode = failed === 0 && number > 0 ? 0 : 1;
    setTimeout(() => process.exit(), 5_000).unref();
}

async function within(millis, promise) {
    let timer;
    const late = new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`not done after ${millis} ms`)), millis);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

/** Fails unless both are the same bytes, and says where they part rather than what they are. */
export function sameBytes(actual, expected) {
    const a = Buffer.from(actual);
    const b = Buffer.from(expected);
    if (a.equals(b)) {
        return;
    }
    let at = 0;
    while (at < a.length && at < b.length && a[at] === b[at]) {
        at++;
    }
    const around = (bytes) => JSON.stringify(bytes.subarray(at, at + 24).toString('latin1'));
    assert.fail(`${a.length} bytes (expected: ${b.length}), different from byte ${at}: ${around(a)} (expected: ${around(b)})`);
}

/** Fails unless both are deeply equal; a message longer than a log can bear is cut. */
export function same(actual, expected, what = 'value') {
    if (!isDeepStrictEqual(actual, expected)) {
        const shown = (value) => (JSON.stringify(value) ?? String(value)).slice(0, 1000);
        assert.fail(`${what}: ${shown(actual)} (expected: ${shown(expected)})`);
    }
}

/** Seconds of the epoch, as expirations are told. */
export function now() {
    return Math.floor(Date.now() / 1000);
}

/** All 256 values of a byte, over and over, with a period that is no power of two, up to this length. */
export function everyByte(length) {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) {
        bytes[i] = (i + Math.floor(i / 257)) & 0xff;
    }
    return bytes;
}

/** Keys that a URL, a form, a shell or a JavaScript object could mangle. */
export const ODD_KEYS = [
    'plain',
    'a/b',
    '/leading',
    'trailing/',
    'a//b',
    'per%cent',
    '%2F',
    '%',
    '%zz',
    'a+b',
    'a b',
    ' around ',
    'a?b',
    'a#b',
    'a&b=c',
    'a:b',
    ';,@$!*()[]{}|^`<>~',
    'quote"\'\\',
    'new\nline',
    'tab\t',
    'return\r\n',
    '\u0001\u001f\u007f',
    '...',
    '.hidden',
    'a/../b',
    'a/./b',
    './a',
    '../a',
    'é',
    'e\u0301',
    '日本語',
    '😀',
    '\uff61',
    '\u{10ffff}',
    '__proto__',
    'constructor',
    'x'.repeat(512),
    'é'.repeat(256),
    'bulk',
    'null',
];
