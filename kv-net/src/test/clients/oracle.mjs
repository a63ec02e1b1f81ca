// The local emulator of Workers KV (npm miniflare), unmodified, as an oracle: the same random operations go to it and to nearkv, and
// the answers must be the same.
//
//   node oracle.mjs --base http://127.0.0.1:8787/client/v4 --account ID --token-file DATA/admin.token [--seed N] [--steps N] [--seconds N]
//
// Runs for --steps steps or --seconds seconds, whichever is over first (default: 20 seconds). The seed is printed; --seed and --steps
// repeat a run. What of the API the emulator's binding lacks (the bulk calls) is composed from what it has.

import assert from 'node:assert/strict';
import { Miniflare } from 'miniflare';
import { ODD_KEYS, atEnd, check, everyByte, note, now, run, sameBytes, same, settings } from './flow.mjs';

const options = settings({ seed: { type: 'string' }, steps: { type: 'string' }, seconds: { type: 'string' } });
const { base, account, token } = options;
const seed = Number(options.seed ?? Date.now() % 1_000_000_007);
const maxSteps = Number(options.steps ?? Infinity);
const maxMillis = 1000 * Number(options.seconds ?? (options.steps ? Infinity : 20));

const MIB = 1024 * 1024;
const MAX_VALUE_BYTES = 25 * MIB;

/** Where nearkv deliberately answers otherwise than the emulator. README.md has the reasons; nothing else here excuses a difference. */
const DIFFERENCES = {
    // The binding takes a limit of 0 or less for none; the API refuses it. The API is documented from 10 on; nearkv takes 1 to 9 too.
    limits: { accepts: (limit) => limit >= 1 && limit <= 1000 },
    // The API's own rule, which a sequence of puts cannot have: one key twice in a bulk, with another value or expiration.
    conflicts: (items) => {
        const seen = new Map();
        return items.some((item) => {
            const before = seen.get(item.key) ?? item;
            seen.set(item.key, item);
            return ['value', 'expiration', 'expiration_ttl'].some((name) => before[name] !== item[name]);
        });
    },
    // Of a bulk with several faults each may name another one.
    statuses: (expected, actual, isBulk) => expected === actual || (isBulk && [400, 413, 414].includes(actual)),
    // The emulator has no bulk calls that count. A key that comes twice is one key, or two: the API does not say.
    counts: (result, keys) => {
        const count = result.successful_key_count;
        assert(count >= new Set(keys).size && count <= keys.length, `successful_key_count ${count} of ${keys.length}`);
        same(result.unsuccessful_keys, [], 'unsuccessful_keys');
    },
    // The emulator's clock and the server's may be on both sides of a second.
    seconds: 1,
};

// --- chance ---

/** mulberry32: small, seeded, good enough to choose operations. */
function generator(state) {
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    };
}

const random = generator(seed);
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const chance = (probability) => random() < probability;

const LETTERS = ['a', 'b', 'B', '0', '/', ':', '%', '+', ' ', '?', '#', '&', '.', '~', '_', '*', '"', '\\', '\u0001', '\u007f', 'é', 'ÿ', '\uff61', '😀', '\u{10ffff}'];

function someKey() {
    if (chance(0.15)) {
        return pick(ODD_KEYS);
    }
    // Short keys over few letters: they meet again, and share prefixes.
    const length = 1 + below(chance(0.7) ? 2 : 5);
    const key = Array.from({ length }, () => pick(LETTERS)).join('');
    return key === '.' || key === '..' ? 'a' : key;
}

function somePrefix() {
    const key = someKey();
    return chance(0.3) ? '' : [...key].slice(0, 1 + below(2)).join('');
}

function someValue() {
    switch (below(8)) {
        case 0:
            return Buffer.alloc(0);
        case 1:
            return Buffer.from(JSON.stringify({ n: below(1000), text: 'é😀', list: [null, true, 1.5] }));
        case 2:
            return everyByte(below(300));
        case 3:
            return everyByte(pick([4095, 4096, 4097, 65_535, 65_536, 65_537]));
        default:
            return Buffer.from(`value ${below(1_000_000)} ${'é'.repeat(below(20))}`);
    }
}

function someMetadata() {
    return pick([undefined, undefined, null, 0, false, '', 'text', 1.5, [], {}, [1, [2, null]], { a: { b: 'é😀' }, n: below(100) }, 'm'.repeat(1022)]);
}

/** All at a full half minute, so that a long run has to wait for what expires only then: see awaitExpired. */
function someExpiration() {
    const at = 30 * (Math.ceil((now() + 61) / 30) + below(4));
    switch (below(6)) {
        case 0:
            return { expiration_ttl: at - now() };
        case 1:
            return { expiration: at };
        case 2:
            return { expiration: at + 60, expiration_ttl: at - now() };
        default:
            return {};
    }
}

// --- the two stores, with one face ---

/** What a refusal looks like on both sides. */
class Refused extends Error {
    constructor(status, message) {
        super(`${status} ${message}`);
        this.status = status;
    }
}

class Nearkv {
    constructor(namespaceId) {
        this.url = `${base}/accounts/${account}/storage/kv/namespaces/${namespaceId}`;
    }

    async call(method, path, body, headers = {}) {
        const response = await fetch(this.url + path, { method, headers: { authorization: `Bearer ${token}`, ...headers }, body });
        if (response.status >= 500) {
            throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
        }
        if (!response.ok && response.status !== 404) {
            throw new Refused(response.status, await response.text());
        }
        return response;
    }

    async json(method, path, body) {
        const response = await this.call(method, path, body && JSON.stringify(body), { 'content-type': 'application/json' });
        const answer = await response.json();
        if (response.status === 404) {
            assert.equal(answer.success, false);
            return undefined;
        }
        assert.equal(answer.success, true);
        return answer;
    }

    async put(key, value, { metadata, ...expiration } = {}) {
        const query = new URLSearchParams(Object.entries(expiration).map(([name, v]) => [name, String(v)])).toString();
        let body = value;
        if (metadata !== undefined) {
            body = new FormData();
            const parts = [['value', new Blob([value])], ['metadata', JSON.stringify(metadata)]];
            // Whichever part comes first.
            for (const [name, part] of chance(0.5) ? parts : parts.reverse()) {
                body.append(name, part);
            }
        }
        const response = await this.call('PUT', `/values/${encodeURIComponent(key)}${query && `?${query}`}`, body);
        assert.equal((await response.json()).success, true);
    }

    async get(key) {
        const response = await this.call('GET', `/values/${encodeURIComponent(key)}`);
        const body = Buffer.from(await response.arrayBuffer());
        if (response.status === 404) {
            return null;
        }
        const expiration = response.headers.get('expiration');
        return { value: body, expiration: expiration === null ? undefined : Number(expiration) };
    }

    /** The metadata, null if there is none, undefined if there is no such key. */
    async metadata(key) {
        const answer = await this.json('GET', `/metadata/${encodeURIComponent(key)}`);
        return answer === undefined ? undefined : answer.result;
    }

    async delete(key) {
        await this.json('DELETE', `/values/${encodeURIComponent(key)}`);
    }

    async list({ prefix, limit, cursor }) {
        const query = new URLSearchParams();
        for (const [name, value] of Object.entries({ prefix, limit, cursor })) {
            if (value !== undefined) {
                query.set(name, value);
            }
        }
        const { result, result_info: info } = await this.json('GET', `/keys?${query}`);
        assert.equal(info.count, result.length);
        return { keys: result, cursor: info.cursor === '' ? undefined : info.cursor };
    }

    async bulkPut(items) {
        const { result } = await this.json('PUT', '/bulk', items);
        DIFFERENCES.counts(result, items.map((item) => item.key));
    }

    async bulkGet(keys, type, withMetadata) {
        const { result } = await this.json('POST', '/bulk/get', { keys, type, withMetadata });
        return new Map(Object.entries(result.values));
    }

    async bulkDelete(keys) {
        const old = chance(0.5); // the deprecated twin
        const { result } = await this.json(old ? 'DELETE' : 'POST', old ? '/bulk' : '/bulk/delete', keys);
        DIFFERENCES.counts(result, keys);
    }
}

class Emulator {
    constructor(namespace, scratch) {
        this.namespace = namespace;
        this.scratch = scratch;
    }

    /** Calls the binding; an error of its that has an HTTP status is a refusal. */
    async call(body) {
        try {
            return await body();
        } catch (e) {
            const status = /KV \w+ failed: (\d+)/.exec(e.message)?.[1];
            // Of a value that is no JSON, for which it was asked, workerd says it with a SyntaxError.
            if (status || e instanceof TypeError || e instanceof SyntaxError) {
                throw new Refused(Number(status ?? 400), e.message);
            }
            throw e;
        }
    }

    put(key, value, { metadata, expiration, expiration_ttl: expirationTtl } = {}, into = this.namespace) {
        // The binding takes an ArrayBuffer, and of a Buffer that is often a part of a larger one.
        const bytes = value.buffer.slice(value.byteOffset, value.byteOffset + value.length);
        return this.call(() => into.put(key, bytes, { metadata, expiration, expirationTtl }));
    }

    async get(key) {
        const value = await this.call(() => this.namespace.get(key, 'arrayBuffer'));
        return value === null ? null : { value: Buffer.from(value), expiration: await this.expirationOf(key) };
    }

    /** The binding tells expirations in listings alone. */
    async expirationOf(key) {
        const { keys } = await this.call(() => this.namespace.list({ prefix: key, limit: 1 }));
        return keys[0]?.name === key ? keys[0].expiration : undefined;
    }

    async metadata(key) {
        const { value, metadata } = await this.call(() => this.namespace.getWithMetadata(key, 'arrayBuffer'));
        return value === null ? undefined : metadata;
    }

    delete(key) {
        return this.call(() => this.namespace.delete(key));
    }

    async list(query) {
        const page = await this.call(() => this.namespace.list(query));
        return { keys: page.keys, cursor: page.list_complete ? undefined : page.cursor };
    }

    async bulkPut(items) {
        if (DIFFERENCES.conflicts(items)) {
            throw new Refused(400, 'conflicting items');
        }
        // All or nothing: refused as a whole if the emulator refuses one, which a namespace beside the true one tells.
        const bytes = items.map((item) => Buffer.from(item.value, item.base64 ? 'base64' : 'utf8'));
        for (const into of [this.scratch, this.namespace]) {
            for (const [i, item] of items.entries()) {
                await this.put(item.key, bytes[i], item, into);
            }
        }
    }

    async bulkGet(keys, type, withMetadata) {
        const found = new Map();
        for (const key of keys) {
            const { value, metadata } = await this.call(() => this.namespace.getWithMetadata(key, type));
            found.set(key, value === null ? null : withMetadata ? { value, metadata, expiration: await this.expirationOf(key) } : value);
        }
        return found;
    }

    async bulkDelete(keys) {
        for (const key of keys) {
            await this.delete(key);
        }
    }
}

// --- comparing ---

/** What a call came to: its answer, or the status of its refusal. Anything else is a failure of the test. */
async function outcome(call) {
    try {
        return { answer: await call() };
    } catch (e) {
        if (e instanceof Refused) {
            return { refused: e.status, message: e.message };
        }
        throw e;
    }
}

let nearkv;
let emulator;

/** Has both do the same, compares what they refuse, and returns both answers, or null if both refused. */
async function both(call, isBulk = false) {
    const [actual, expected] = [await outcome(() => call(nearkv)), await outcome(() => call(emulator))];
    if (expected.refused === undefined && actual.refused === undefined) {
        return [actual.answer, expected.answer];
    }
    assert(
        actual.refused !== undefined && expected.refused !== undefined && DIFFERENCES.statuses(expected.refused, actual.refused, isBulk),
        `${actual.message ?? 'accepted'} (expected: ${expected.message ?? 'accepted'})`,
    );
    return null;
}

function sameExpiration(actual, expected, what) {
    if (actual === undefined || expected === undefined) {
        assert.equal(actual, expected, `${what}: expiration`);
    } else {
        assert(Math.abs(actual - expected) <= DIFFERENCES.seconds, `${what}: expiration ${actual} (expected: ${expected})`);
    }
}

function sameKeys(actual, expected, what) {
    same(actual.map((item) => item.name), expected.map((item) => item.name), what);
    actual.forEach((item, i) => {
        sameExpiration(item.expiration, expected[i].expiration, item.name);
        same(item.metadata, expected[i].metadata, `metadata of ${JSON.stringify(item.name)}`);
    });
}

/** Seconds at which entries expire. */
const expirations = new Set();

/** Entries that expire about now may be gone here and not there: waits until they are gone everywhere. */
async function awaitExpired() {
    for (const at of expirations) {
        if (at <= now() + 3) {
            await new Promise((resolve) => setTimeout(resolve, (at + 3) * 1000 - Date.now()));
            expirations.delete(at);
        }
    }
}

function remember({ expiration, expiration_ttl: ttl }) {
    if (ttl !== undefined || expiration !== undefined) {
        expirations.add(ttl === undefined ? expiration : now() + ttl);
    }
}

// --- the steps ---

const steps = {
    async put() {
        const [key, value, more] = [someKey(), someValue(), { metadata: someMetadata(), ...someExpiration() }];
        remember(more);
        await both((store) => store.put(key, value, more));
        return `put ${JSON.stringify(key)} ${value.length} bytes ${JSON.stringify(more).slice(0, 100)}`;
    },

    async get() {
        const key = someKey();
        const [actual, expected] = await both((store) => store.get(key));
        assert.equal(actual === null, expected === null, `${JSON.stringify(key)}: ${actual && 'there'} (expected: ${expected && 'there'})`);
        if (actual !== null) {
            sameBytes(actual.value, expected.value);
            sameExpiration(actual.expiration, expected.expiration, key);
        }
        return `get ${JSON.stringify(key)}`;
    },

    async metadata() {
        const key = someKey();
        const [actual, expected] = await both((store) => store.metadata(key));
        same(actual, expected, `metadata of ${JSON.stringify(key)}`);
        return `metadata ${JSON.stringify(key)}`;
    },

    async delete() {
        const key = someKey();
        await both((store) => store.delete(key));
        return `delete ${JSON.stringify(key)}`;
    },

    async list() {
        const query = { prefix: chance(0.8) ? somePrefix() : undefined, limit: chance(0.8) ? pick([1, 2, 3, 7, 10, 11, 50, 1000]) : undefined };
        const said = `list ${JSON.stringify(query)}`;
        const cursors = new Map();
        for (let page = 0; ; page++) {
            const [actual, expected] = await both((store) => store.list({ ...query, cursor: cursors.get(store) }));
            sameKeys(actual.keys, expected.keys, `${said} page ${page}`);
            assert.equal(actual.cursor === undefined, expected.cursor === undefined, `${said} page ${page}: cursor ${actual.cursor}`);
            if (actual.cursor === undefined || page === 12) {
                return said;
            }
            cursors.set(nearkv, actual.cursor).set(emulator, expected.cursor);
            if (chance(0.3)) {
                // Between two pages: the next one begins behind the last key all the same.
                const key = chance(0.5) ? actual.keys.at(-1).name : someKey();
                await (chance(0.5) ? both((store) => store.delete(key)) : both((store) => store.put(key, Buffer.from('between'), {})));
            }
        }
    },

    async bulkPut() {
        const items = Array.from({ length: below(chance(0.9) ? 6 : 40) }, () => {
            const [value, base64] = [someValue(), chance(0.5)];
            // A text must survive being one: bytes go as base64 alone.
            const text = value.toString('utf8');
            const asText = !base64 && Buffer.from(text).equals(value);
            const item = asText ? { value: text } : { value: value.toString('base64'), base64: true };
            return { key: someKey(), ...item, metadata: someMetadata(), ...someExpiration() };
        });
        // One key twice is either the same item or another value: of anything between the API says nothing.
        items.forEach((item, i) => {
            const first = items.findIndex((other) => other.key === item.key);
            if (first < i) {
                items[i] = chance(0.5) ? items[first] : { key: item.key, value: `the ${i}th item` };
            }
        });
        if (items.length > 0 && chance(0.15)) {
            items.splice(below(items.length), 0, pick([
                { key: 'k'.repeat(513), value: 'x' },
                { key: '.', value: 'x' },
                { key: '', value: 'x' },
                { key: 'k', value: 'x', expiration_ttl: 59 },
                { key: 'k', value: 'x', expiration: now() - 1 },
                { key: 'k', value: 'x', metadata: 'm'.repeat(1023) },
                { ...items[0], value: `${items[0].value}====`, base64: false },
            ]));
        }
        if ((await both((store) => store.bulkPut(items), true)) !== null) {
            items.forEach(remember);
        }
        return `bulk put ${items.length} ${JSON.stringify(items.map((item) => item.key)).slice(0, 300)}`;
    },

    async bulkGet() {
        const keys = Array.from({ length: 1 + below(chance(0.9) ? 10 : 100) }, someKey);
        const [type, withMetadata] = [pick(['text', 'text', 'json', undefined]), chance(0.5)];
        const answers = await both((store) => store.bulkGet(keys, type, withMetadata));
        if (answers !== null) {
            const [actual, expected] = answers;
            same([...actual.keys()].sort(), [...expected.keys()].sort(), 'keys');
            for (const [key, value] of expected) {
                const got = actual.get(key);
                if (withMetadata && value !== null) {
                    assert(got, `${key} is missing`);
                    same([got.value, got.metadata ?? null], [value.value, value.metadata], JSON.stringify(key));
                    sameExpiration(got.expiration, value.expiration, key);
                } else {
                    same(got, value, JSON.stringify(key));
                }
            }
        }
        return `bulk get ${type} ${withMetadata} ${JSON.stringify(keys).slice(0, 300)}`;
    },

    async bulkDelete() {
        const keys = Array.from({ length: below(6) }, () => (chance(0.03) ? 'k'.repeat(513) : someKey()));
        if (keys.some((key) => key.length > 512)) {
            // One by one the emulator would delete those before it.
            assert.equal((await outcome(() => nearkv.bulkDelete(keys))).refused !== undefined, true, 'accepted a key of 513 bytes');
        } else {
            await both((store) => store.bulkDelete(keys));
        }
        return `bulk delete ${JSON.stringify(keys).slice(0, 300)}`;
    },

    async refusal() {
        const key = someKey();
        const x = Buffer.from('x');
        const call = pick([
            (store) => store.put('k'.repeat(513), x),
            (store) => store.put('é'.repeat(256) + 'x', x),
            (store) => store.get('k'.repeat(513)),
            (store) => store.delete('k'.repeat(513)),
            (store) => store.put(key, x, { metadata: 'm'.repeat(1023) }),
            (store) => store.put(key, x, { metadata: 'é'.repeat(512) }),
            (store) => store.put(key, x, { expiration_ttl: 59 }),
            (store) => store.put(key, x, { expiration_ttl: 0 }),
            (store) => store.put(key, x, { expiration_ttl: -1 }),
            (store) => store.put(key, x, { expiration: now() - 1 }),
            (store) => store.put(key, x, { expiration: now() + 50 }),
            (store) => store.put(key, x, { expiration: 0 }),
            (store) => store.list({ limit: 1001 }),
            (store) => store.list({ prefix: 'p'.repeat(513) }),
        ]);
        await both(call);
        return `refusal ${call}`;
    },
};

/** How often each step comes. */
const WEIGHTS = { put: 30, get: 20, metadata: 6, delete: 8, list: 12, bulkPut: 8, bulkGet: 8, bulkDelete: 3, refusal: 5 };
const DECK = Object.entries(WEIGHTS).flatMap(([name, weight]) => Array(weight).fill(name));

/** Once in a run, not by chance: what is slow, and what fetch or the binding cannot say at random. */
async function fixed() {
    await check('a value of 25 MiB is taken by both and one of a byte more refused by both', async () => {
        const value = everyByte(MAX_VALUE_BYTES);
        await both((store) => store.put('big', value));
        const [actual, expected] = await both((store) => store.get('big'));
        sameBytes(actual.value, value);
        sameBytes(expected.value, value);
        assert.equal(await both((store) => store.put('big', everyByte(MAX_VALUE_BYTES + 1))), null);
        await both((store) => store.delete('big'));
    });
    await check('the keys . and .. and the empty one are refused by both', async () => {
        for (const key of ['.', '..', '']) {
            assert.equal(await both((store) => store.bulkPut([{ key, value: 'x' }])), null);
            // A URL with such a segment is normalised before it is sent, unless its dots are encoded, which new URL undoes as well.
            assert.equal((await outcome(() => nearkv.bulkGet([key]))).refused !== undefined, true, `bulk get of ${JSON.stringify(key)}`);
        }
    });
    await check('limits out of their range are refused', async () => {
        for (const limit of [-1, 0, 1, 9, 10, 1000, 1001]) {
            const accepted = (await outcome(() => nearkv.list({ limit }))).refused === undefined;
            assert.equal(accepted, DIFFERENCES.limits.accepts(limit), `limit ${limit}`);
        }
    });
    await check('a made-up cursor is no failure of the server', async () => {
        await outcome(() => nearkv.list({ cursor: 'made-up' }));
    });
}

async function walk(store) {
    const all = [];
    for (let cursor; ; ) {
        const page = await store.list({ cursor });
        all.push(...page.keys);
        cursor = page.cursor;
        if (cursor === undefined) {
            return all;
        }
    }
}

await run(async () => {
    note(`--seed ${seed}`);
    const miniflare = new Miniflare({
        modules: true,
        script: 'export default { fetch() { return new Response(); } }',
        compatibilityDate: '2025-01-01',
        kvNamespaces: ['KV', 'SCRATCH'],
    });
    atEnd(() => miniflare.dispose());
    emulator = new Emulator(await miniflare.getKVNamespace('KV'), await miniflare.getKVNamespace('SCRATCH'));

    const namespaces = new Nearkv('').url.slice(0, -1);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const made = await fetch(namespaces, { method: 'POST', headers, body: JSON.stringify({ title: `oracle-${process.pid}-${Date.now()}` }) });
    const { result, errors } = await made.json();
    assert(result, `no namespace: ${JSON.stringify(errors)}`);
    atEnd(() => fetch(`${namespaces}/${result.id}`, { method: 'DELETE', headers }));
    nearkv = new Nearkv(result.id);

    await fixed();
    const started = Date.now();
    const counts = Object.fromEntries(Object.keys(WEIGHTS).map((name) => [name, 0]));
    const recent = [];
    let done = 0;
    // In pieces, each a check of its own: the limit of a check does not bound the run, and a long one is seen to move.
    for (let going = true; going && done < maxSteps && Date.now() - started < maxMillis; ) {
        const from = done;
        const piece = Math.min(maxSteps, done + 500);
        const title = () => `steps ${from + 1} to ${done} have the same answers`;
        going = await check(title, async () => {
            for (; done < piece && Date.now() - started < maxMillis; ) {
                await awaitExpired();
                const name = pick(DECK);
                done++;
                try {
                    recent.push(`step ${done}: ${await steps[name]()}`);
                } catch (e) {
                    e.message = `step ${done} (${name}) of --seed ${seed}: ${e.message}\nbefore it:\n${recent.join('\n')}`;
                    throw new Error(e.message, { cause: e });
                }
                recent.splice(0, recent.length - 8);
                counts[name]++;
            }
        });
    }
    await check('both end with the same entries', async () => {
        await awaitExpired();
        const [actual, expected] = [await walk(nearkv), await walk(emulator)];
        sameKeys(actual, expected, 'keys');
        for (const { name } of expected) {
            const [mine, theirs] = [await nearkv.get(name), await emulator.get(name)];
            sameBytes(mine.value, theirs.value);
        }
        note(`${expected.length} entries at the end`);
    });
    note(`${done} steps in ${Math.round((Date.now() - started) / 1000)} s of --seed ${seed}: ${JSON.stringify(counts)}`);
});
