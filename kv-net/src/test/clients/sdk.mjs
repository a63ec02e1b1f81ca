// The official SDK (npm cloudflare), unmodified, against every endpoint of Workers KV's API.
//
//   node sdk.mjs --base http://127.0.0.1:8787/client/v4 --account ID --token-file DATA/admin.token

import assert from 'node:assert/strict';
import Cloudflare, { toFile } from 'cloudflare';
import { ODD_KEYS, atEnd, check, everyByte, now, run, same, sameBytes, settings } from './flow.mjs';

const { base, account, token } = settings();

const MIB = 1024 * 1024;

/** Title of each namespace that this run makes: two runs at once do not meet. */
const MARK = `sdk-${process.pid}-${Date.now().toString(36)}`;

/** Requests since the last count, as the server got them: the SDK's retries are seen here and nowhere else. */
let requests = [];

async function counted(url, init) {
    // The SDK asks for data:, once, to learn what this fetch can do.
    if (String(url).startsWith('http')) {
        requests.push(`${init?.method ?? 'GET'} ${url}`);
    }
    return fetch(url, init);
}

function connect(options = {}) {
    return new Cloudflare({ baseURL: base, apiToken: token, fetch: counted, timeout: 30_000, ...options });
}

const client = connect();
const kv = client.kv.namespaces;
const mine = { account_id: account };

/** Runs what must fail, and returns the SDK's error; fails if it was sent more often than once. */
async function refused(body, type, code) {
    requests = [];
    let error;
    try {
        await body();
    } catch (e) {
        error = e;
    }
    assert(error, 'was not refused');
    assert(error instanceof type, `${error.constructor.name} ${error.status} ${error.message} (expected: ${type.name})`);
    assert.equal(requests.length, 1, `sent ${requests.length} times: ${requests.join(', ')}`);
    assert(Array.isArray(error.errors), `no errors in ${error.message}`);
    if (code !== undefined) {
        const codes = [code].flat();
        assert(codes.includes(error.errors[0]?.code), `code ${error.errors[0]?.code} (expected: ${codes}) ${error.message}`);
    }
    assert(Number.isInteger(error.errors[0].code) && error.errors[0].code >= 1000, `code ${error.errors[0].code}`);
    assert.equal(typeof error.errors[0].message, 'string');
    return error;
}

async function collect(pages) {
    const all = [];
    for await (const item of pages) {
        all.push(item);
    }
    return all;
}

async function makeNamespace(title) {
    const namespace = await kv.create({ ...mine, title });
    atEnd(() => kv.delete(namespace.id, mine).catch((e) => assert.equal(e.status, 404)));
    return namespace;
}

async function bytes(namespace, key) {
    const response = await kv.values.get(key, { ...mine, namespace_id: namespace });
    return Buffer.from(await response.arrayBuffer());
}

function put(namespace, key, value, more = {}) {
    return kv.values.update(key, { ...mine, namespace_id: namespace, value, ...more });
}

async function listed(namespace, query = {}) {
    return collect(kv.keys.list(namespace, { ...mine, ...query }));
}

function byUtf8(a, b) {
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function discovery() {
    await check('the token verifies as active', async () => {
        const verified = await client.user.tokens.verify();
        assert.equal(verified.status, 'active');
        assert.equal(typeof verified.id, 'string');
    });
    await check('the accounts of the token are listed', async () => {
        const accounts = await collect(client.accounts.list());
        assert(accounts.some((found) => found.id === account), JSON.stringify(accounts));
    });
    await check('the user can be asked for', async () => {
        const user = await client.user.get();
        assert(user && typeof user === 'object');
    });
    await check('the memberships are listed', async () => {
        const memberships = await collect(client.memberships.list());
        assert(memberships.some((found) => found.account?.id === account), JSON.stringify(memberships));
    });
}

async function namespaces() {
    await check('a namespace is made, shown, renamed and deleted', async () => {
        const made = await makeNamespace(`${MARK} life`);
        assert.match(made.id, /^[0-9a-f]{32}$/);
        assert.equal(made.title, `${MARK} life`);
        same(await kv.get(made.id, mine), made, 'get');
        const renamed = await kv.update(made.id, { ...mine, title: `${MARK} renamed é😀` });
        assert.equal(renamed.id, made.id);
        assert.equal(renamed.title, `${MARK} renamed é😀`);
        assert.equal((await kv.get(made.id, mine)).title, `${MARK} renamed é😀`);
        await kv.delete(made.id, mine);
        await refused(() => kv.get(made.id, mine), Cloudflare.NotFoundError, 10013);
    });
    await check('a title that is taken is refused, also by a rename', async () => {
        const first = await makeNamespace(`${MARK} taken`);
        const second = await makeNamespace(`${MARK} free`);
        await refused(() => kv.create({ ...mine, title: first.title }), Cloudflare.BadRequestError, 10014);
        await refused(() => kv.update(second.id, { ...mine, title: first.title }), Cloudflare.BadRequestError, 10014);
        assert.equal((await kv.get(second.id, mine)).title, second.title);
    });
    await check('a title that is empty or too long is refused', async () => {
        await refused(() => kv.create({ ...mine, title: '' }), Cloudflare.BadRequestError, 10019);
        await refused(() => kv.create({ ...mine, title: 't'.repeat(513) }), Cloudflare.BadRequestError);
    });
    await check('namespaces are listed over pages, each once, in order, and the pages end', async () => {
        const made = [];
        for (let i = 0; i < 7; i++) {
            made.push((await makeNamespace(`${MARK} page ${i}`)).title);
        }
        for (const [direction, expected] of [['asc', made], ['desc', [...made].reverse()]]) {
            const all = await collect(kv.list({ ...mine, per_page: 3, order: 'title', direction }));
            const found = all.map((namespace) => namespace.title).filter((title) => title.startsWith(`${MARK} page`));
            same(found, expected, direction);
            assert.equal(new Set(all.map((namespace) => namespace.id)).size, all.length, 'a namespace twice');
        }
        const page = await kv.list({ ...mine, per_page: 3, page: 2 });
        assert.equal(page.result.length, 3);
        same([page.result_info.page, page.result_info.per_page, page.result_info.count], [2, 3, 3], 'result_info');
        const beyond = await kv.list({ ...mine, page: 100_000 });
        same(beyond.result, [], 'a page beyond the last');
    });
    await check('a namespace that is unknown or malformed is refused by each operation', async () => {
        const unknown = '0123456789abcdef0123456789abcdef';
        const { NotFoundError, BadRequestError } = Cloudflare;
        await refused(() => kv.get(unknown, mine), NotFoundError, 10013);
        await refused(() => kv.update(unknown, { ...mine, title: `${MARK} x` }), NotFoundError, 10013);
        await refused(() => kv.delete(unknown, mine), NotFoundError, 10013);
        await refused(() => kv.keys.list(unknown, mine), NotFoundError, 10013);
        await refused(() => kv.values.get('key', { ...mine, namespace_id: unknown }), NotFoundError, 10013);
        await refused(() => put(unknown, 'key', 'value'), NotFoundError, 10013);
        await refused(() => kv.values.delete('key', { ...mine, namespace_id: unknown }), NotFoundError, 10013);
        await refused(() => kv.metadata.get('key', { ...mine, namespace_id: unknown }), NotFoundError, 10013);
        await refused(() => kv.bulkUpdate(unknown, { ...mine, body: [{ key: 'k', value: 'v' }] }), NotFoundError, 10013);
        await refused(() => kv.bulkGet(unknown, { ...mine, keys: ['k'] }), NotFoundError, 10013);
        await refused(() => kv.bulkDelete(unknown, { ...mine, body: ['k'] }), NotFoundError, 10013);
        await refused(() => kv.get('not-an-id', mine), BadRequestError, 10011);
    });
}

async function values(namespace) {
    const contents = {
        text: 'a text with ümlauts and 😀',
        empty: '',
        'like JSON': '{"a":[1,2.50,null]}',
        'like a form': '--boundary\r\nContent-Disposition: form-data; name="value"\r\n\r\nx\r\n--boundary--\r\n',
    };
    for (const [name, value] of Object.entries(contents)) {
        await check(`a value that is ${name} comes back`, async () => {
            await put(namespace, name, value);
            sameBytes(await bytes(namespace, name), Buffer.from(value));
        });
    }
    for (const length of [1, 256, 4095, 4096, 4097, 65_535, 65_536, 65_537, MIB + 1, 25 * MIB]) {
        await check(`a file of ${length} bytes of all 256 kinds comes back`, async () => {
            const value = everyByte(length);
            await put(namespace, 'file', await toFile(value, 'any name.bin'));
            const response = await kv.values.get('file', { ...mine, namespace_id: namespace });
            assert.equal(response.headers.get('content-type'), 'application/octet-stream');
            sameBytes(await response.arrayBuffer(), value);
        });
    }
    await check('an empty file comes back', async () => {
        await put(namespace, 'file', await toFile(new Uint8Array(0), 'empty'));
        assert.equal((await bytes(namespace, 'file')).length, 0);
    });
    await check('a file of 25 MiB and a byte is refused, and what was there stays', async () => {
        await put(namespace, 'file', 'before');
        const big = await toFile(everyByte(25 * MIB + 1), 'big');
        const error = await refused(() => put(namespace, 'file', big), Cloudflare.APIError);
        assert.equal(error.status, 413);
        sameBytes(await bytes(namespace, 'file'), Buffer.from('before'));
    });
    await check('a deleted value is gone, and deleting it again succeeds', async () => {
        await put(namespace, 'gone', 'x');
        await kv.values.delete('gone', { ...mine, namespace_id: namespace });
        await refused(() => kv.values.get('gone', { ...mine, namespace_id: namespace }), Cloudflare.NotFoundError, 10009);
        await kv.values.delete('gone', { ...mine, namespace_id: namespace });
    });
    await check('sixteen requests at once go through', async () => {
        const keys = Array.from({ length: 16 }, (unused, i) => `at once ${i}`);
        await Promise.all(keys.map((key) => put(namespace, key, key.repeat(1000))));
        const found = await Promise.all(keys.map((key) => bytes(namespace, key)));
        found.forEach((value, i) => sameBytes(value, Buffer.from(keys[i].repeat(1000))));
    });
}

async function keys() {
    const namespace = (await makeNamespace(`${MARK} keys`)).id;
    for (const key of ODD_KEYS) {
        await check(`the key ${JSON.stringify(key.slice(0, 40))} is put, read, listed and deleted`, async () => {
            // Not the key itself: in a form's text each line end is sent as CR LF, so the SDK cannot put one as it is.
            const value = `value of ${encodeURIComponent(key)}`;
            await put(namespace, key, value, { metadata: JSON.stringify({ of: key }) });
            sameBytes(await bytes(namespace, key), Buffer.from(value));
            same(await kv.metadata.get(key, { ...mine, namespace_id: namespace }), { of: key }, 'metadata');
            const found = (await listed(namespace, { prefix: key })).filter((item) => item.name === key);
            same(found, [{ name: key, metadata: { of: key } }], 'list');
            const bulk = await kv.bulkGet(namespace, { ...mine, keys: [key] });
            same(Object.entries(bulk.values), [[key, value]], 'bulk get');
        });
    }
    await check('odd keys are listed in the order of their bytes', async () => {
        same((await listed(namespace)).map((item) => item.name), [...ODD_KEYS].sort(byUtf8), 'names');
    });
    await check('odd keys are deleted one by one', async () => {
        for (const key of ODD_KEYS) {
            await kv.values.delete(key, { ...mine, namespace_id: namespace });
        }
        same(await listed(namespace), [], 'names');
    });
    await check('a key of 513 bytes is refused', async () => {
        const error = await refused(() => put(namespace, 'x'.repeat(513), 'x'), Cloudflare.APIError);
        assert([400, 414].includes(error.status), `status ${error.status}`);
        await refused(() => put(namespace, 'é'.repeat(257), 'x'), Cloudflare.APIError);
    });
}

async function metadata(namespace) {
    const all = { object: { a: [1, 'é', { b: null }] }, array: [1, 2], text: 'text', zero: 0, no: false, empty: '', big: 2 ** 53 - 1 };
    for (const [name, value] of Object.entries(all)) {
        await check(`metadata that is ${name} comes back`, async () => {
            await put(namespace, `metadata ${name}`, 'x', { metadata: JSON.stringify(value) });
            same(await kv.metadata.get(`metadata ${name}`, { ...mine, namespace_id: namespace }), value, 'metadata');
            same((await listed(namespace, { prefix: `metadata ${name}` }))[0].metadata, value, 'listed');
        });
    }
    await check('metadata is null where there is none, and the next put takes it away', async () => {
        await put(namespace, 'bare', 'x');
        assert.equal(await kv.metadata.get('bare', { ...mine, namespace_id: namespace }), null);
        await put(namespace, 'bare', 'x', { metadata: '{"a":1}' });
        await put(namespace, 'bare', 'y');
        assert.equal(await kv.metadata.get('bare', { ...mine, namespace_id: namespace }), null);
        assert(!('metadata' in (await listed(namespace, { prefix: 'bare' }))[0]), 'listed with metadata');
    });
    await check('metadata of an absent key is not found', async () => {
        await refused(() => kv.metadata.get('absent', { ...mine, namespace_id: namespace }), Cloudflare.NotFoundError, 10009);
    });
    await check('metadata of 1024 bytes is taken and of 1025 refused', async () => {
        const exact = 'm'.repeat(1022);
        await put(namespace, 'metadata', 'x', { metadata: JSON.stringify(exact) });
        same(await kv.metadata.get('metadata', { ...mine, namespace_id: namespace }), exact, 'metadata');
        const error = await refused(() => put(namespace, 'metadata', 'y', { metadata: JSON.stringify(`${exact}m`) }), Cloudflare.APIError);
        assert.equal(error.status, 413);
        sameBytes(await bytes(namespace, 'metadata'), Buffer.from('x'));
    });
    await check('metadata that is no JSON is refused', async () => {
        await refused(() => put(namespace, 'metadata', 'y', { metadata: '{' }), Cloudflare.BadRequestError, 10001);
    });
}

async function expirations(namespace) {
    const expirationOf = async (key) => (await listed(namespace, { prefix: key }))[0].expiration;
    await check('expiration_ttl is kept, listed and told by a get', async () => {
        const from = now();
        await put(namespace, 'expiring ttl', 'x', { expiration_ttl: 60 });
        const found = await expirationOf('expiring ttl');
        assert(found >= from + 60 && found <= now() + 60, `${found} (expected: ${from + 60})`);
        const response = await kv.values.get('expiring ttl', { ...mine, namespace_id: namespace });
        assert.equal(response.headers.get('expiration'), String(found));
    });
    await check('expiration is kept as it was given, also beyond 2038', async () => {
        for (const at of [now() + 3600, 2 ** 31, 4_102_444_800]) {
            await put(namespace, 'expiring at', 'x', { expiration: at });
            assert.equal(await expirationOf('expiring at'), at);
        }
    });
    await check('expiration_ttl wins where both are given', async () => {
        const from = now();
        await put(namespace, 'expiring both', 'x', { expiration: from + 9999, expiration_ttl: 120 });
        const found = await expirationOf('expiring both');
        assert(found >= from + 120 && found <= now() + 120, `${found}`);
    });
    await check('a put without expiration takes it away', async () => {
        await put(namespace, 'expiring at', 'x');
        assert.equal(await expirationOf('expiring at'), undefined);
    });
    await check('an expiration that is past, near or no number is refused', async () => {
        const { BadRequestError } = Cloudflare;
        await refused(() => put(namespace, 'refused', 'x', { expiration_ttl: 59 }), BadRequestError, 10034);
        await refused(() => put(namespace, 'refused', 'x', { expiration_ttl: 0 }), BadRequestError);
        await refused(() => put(namespace, 'refused', 'x', { expiration_ttl: -60 }), BadRequestError);
        await refused(() => put(namespace, 'refused', 'x', { expiration_ttl: 'soon' }), BadRequestError);
        await refused(() => put(namespace, 'refused', 'x', { expiration: now() - 1 }), BadRequestError);
        await refused(() => put(namespace, 'refused', 'x', { expiration: now() + 30 }), BadRequestError);
        same(await listed(namespace, { prefix: 'refused' }), [], 'written all the same');
    });
}

async function lists() {
    const namespace = (await makeNamespace(`${MARK} lists`)).id;
    const names = Array.from({ length: 2500 }, (unused, i) => `${i % 2 ? 'odd' : 'even'}/${String(i).padStart(5, '0')}`).sort();
    await kv.bulkUpdate(namespace, { ...mine, body: names.map((key) => ({ key, value: `v${key}`, metadata: { key } })) });
    await check('2500 keys are listed over pages of 1000, each once, in order', async () => {
        requests = [];
        const found = await listed(namespace);
        assert.equal(requests.length, 3, requests.join('\n'));
        same(found.map((item) => item.name), names, 'names');
        same(found[1234], { name: names[1234], metadata: { key: names[1234] } }, 'item');
    });
    await check('a prefix and a limit hold over all pages', async () => {
        const found = await listed(namespace, { prefix: 'odd/0', limit: 100 });
        same(found.map((item) => item.name), names.filter((name) => name.startsWith('odd/0')), 'names');
    });
    await check('a page is as long as its limit and its cursor goes on behind it', async () => {
        const first = await kv.keys.list(namespace, { ...mine, limit: 10, prefix: 'odd' });
        assert.equal(first.result.length, 10);
        assert.equal(first.result_info.count, 10);
        assert(first.result_info.cursor, 'no cursor');
        await kv.values.delete(first.result[9].name, { ...mine, namespace_id: namespace });
        await put(namespace, `${first.result[9].name}x`, 'new');
        const second = await kv.keys.list(namespace, { ...mine, limit: 10, prefix: 'odd', cursor: first.result_info.cursor });
        assert.equal(second.result[0].name, `${first.result[9].name}x`);
        assert.equal(second.result[1].name, names[names.indexOf(first.result[9].name) + 1]);
    });
    await check('the last page has an empty cursor', async () => {
        const page = await kv.keys.list(namespace, { ...mine, prefix: 'none such' });
        same([page.result, page.result_info.count, page.result_info.cursor], [[], 0, ''], 'page');
    });
    await check('a limit out of its range is refused', async () => {
        for (const limit of [0, -1, 1001, 'abc']) {
            await refused(() => kv.keys.list(namespace, { ...mine, limit }), Cloudflare.BadRequestError);
        }
    });
    await check('10,000 keys are deleted at once', async () => {
        const all = (await listed(namespace)).map((item) => item.name);
        const filler = Array.from({ length: 10_000 - all.length }, (unused, i) => `absent ${i}`);
        const answer = await kv.bulkDelete(namespace, { ...mine, body: [...all, ...filler] });
        assert.equal(answer.successful_key_count, 10_000);
        same(await listed(namespace), [], 'names');
    });
}

async function bulk() {
    const namespace = (await makeNamespace(`${MARK} bulk`)).id;
    const update = (body) => kv.bulkUpdate(namespace, { ...mine, body });
    await check('a bulk of texts, bytes, expirations and metadata is written', async () => {
        const binary = everyByte(1000);
        const from = now();
        const answer = await update([
            { key: 'text', value: 'é😀' },
            { key: 'bytes', value: binary.toString('base64'), base64: true },
            { key: 'ttl', value: 'x', expiration_ttl: 60, metadata: { a: 1 } },
            { key: 'at', value: 'x', expiration: from + 1000 },
            { key: 'empty', value: '' },
            { key: 'a/b%2F+ ?#', value: 'odd' },
        ]);
        assert.equal(answer.successful_key_count, 6);
        same(answer.unsuccessful_keys, [], 'unsuccessful_keys');
        sameBytes(await bytes(namespace, 'bytes'), binary);
        sameBytes(await bytes(namespace, 'text'), Buffer.from('é😀'));
        const items = Object.fromEntries((await listed(namespace)).map((item) => [item.name, item]));
        same(Object.keys(items).length, 6, 'keys');
        same(items.ttl.metadata, { a: 1 }, 'metadata');
        assert(Math.abs(items.ttl.expiration - from - 60) <= 2, `${items.ttl.expiration}`);
        assert.equal(items.at.expiration, from + 1000);
    });
    await check('a bulk get gives texts, nulls and JSON', async () => {
        await put(namespace, 'json', '{"a":[1,{"b":"é"}]}');
        const texts = await kv.bulkGet(namespace, { ...mine, keys: ['text', 'absent', 'empty', 'json', 'text'] });
        same(texts.values, { text: 'é😀', absent: null, empty: '', json: '{"a":[1,{"b":"é"}]}' }, 'texts');
        const jsons = await kv.bulkGet(namespace, { ...mine, keys: ['json', 'absent'], type: 'json' });
        same(jsons.values, { json: { a: [1, { b: 'é' }] }, absent: null }, 'json');
        await refused(() => kv.bulkGet(namespace, { ...mine, keys: ['text'], type: 'json' }), Cloudflare.BadRequestError);
    });
    await check('a bulk get with metadata gives value, metadata and expiration', async () => {
        const found = (await kv.bulkGet(namespace, { ...mine, keys: ['ttl', 'at', 'text', 'absent'], withMetadata: true })).values;
        same([found.ttl.value, found.ttl.metadata, found.absent], ['x', { a: 1 }, null], 'values');
        assert.equal(typeof found.at.expiration, 'number');
        same(found.text.metadata, null, 'metadata of none');
    });
    await check('a bulk get of no keys and of 101 is refused', async () => {
        await refused(() => kv.bulkGet(namespace, { ...mine, keys: [] }), Cloudflare.BadRequestError, 10029);
        const many = Array.from({ length: 101 }, (unused, i) => `${i}`);
        await refused(() => kv.bulkGet(namespace, { ...mine, keys: many }), Cloudflare.BadRequestError);
    });
    await check('a bulk with one bad item is refused whole', async () => {
        const good = { key: 'good', value: 'x' };
        const bad = [
            { key: 'x'.repeat(513), value: 'x' },
            { key: '.', value: 'x' },
            { key: '..', value: 'x' },
            { key: '', value: 'x' },
            { key: 'k', value: 'x', expiration_ttl: 59 },
            { key: 'k', value: 'x', expiration: now() - 10 },
            { key: 'k', value: '*not base64*', base64: true },
            { key: 'k', value: 'x', metadata: 'm'.repeat(1023) },
            { key: 'k' },
            { value: 'x' },
            { key: 'k', value: 17 },
            { key: 17, value: 'x' },
            { key: 'good', value: 'another' },
        ];
        for (const item of bad) {
            const error = await refused(() => update([good, item]), Cloudflare.APIError);
            assert([400, 413, 414].includes(error.status), `${error.status} for ${JSON.stringify(item).slice(0, 80)}`);
        }
        await refused(() => kv.values.get('good', { ...mine, namespace_id: namespace }), Cloudflare.NotFoundError, 10009);
    });
    await check('a bulk with the same item twice is written once', async () => {
        await update([{ key: 'twice', value: 'x' }, { key: 'twice', value: 'x' }]);
        sameBytes(await bytes(namespace, 'twice'), Buffer.from('x'));
    });
    await check('10,000 items are written at once and 10,001 refused', async () => {
        const items = Array.from({ length: 10_001 }, (unused, i) => ({ key: `many/${i}`, value: `${i}` }));
        await refused(() => update(items), Cloudflare.BadRequestError);
        same((await listed(namespace, { prefix: 'many/' })).length, 0, 'written all the same');
        assert.equal((await update(items.slice(0, 10_000))).successful_key_count, 10_000);
        sameBytes(await bytes(namespace, 'many/9999'), Buffer.from('9999'));
    });
    await check('nothing at all is a bulk too', async () => {
        assert.equal((await update([])).successful_key_count, 0);
        assert.equal((await kv.bulkDelete(namespace, { ...mine, body: [] })).successful_key_count, 0);
    });
    await check('a bulk delete deletes what is there and forgives what is not', async () => {
        const answer = await kv.bulkDelete(namespace, { ...mine, body: ['text', 'absent', 'a/b%2F+ ?#'] });
        assert.equal(answer.successful_key_count, 3);
        const found = await kv.bulkGet(namespace, { ...mine, keys: ['text', 'a/b%2F+ ?#', 'empty'] });
        same(found.values, { text: null, 'a/b%2F+ ?#': null, empty: '' }, 'left');
    });
}

async function strangers(namespace) {
    const { AuthenticationError, PermissionDeniedError } = Cloudflare;
    await check('a token that is none is refused with 401, once', async () => {
        for (const apiToken of ['nonsense', `${token.slice(0, -4)}AAAA`]) {
            const stranger = connect({ apiToken }).kv.namespaces;
            await refused(() => stranger.list(mine), AuthenticationError);
            await refused(() => stranger.values.get('text', { ...mine, namespace_id: namespace }), AuthenticationError);
            await refused(() => stranger.values.update('text', { ...mine, namespace_id: namespace, value: 'x' }), AuthenticationError);
            await refused(() => stranger.bulkUpdate(namespace, { ...mine, body: [{ key: 'k', value: 'v' }] }), AuthenticationError);
        }
    });
    await check('another account is refused, once', async () => {
        const other = { account_id: 'f'.repeat(32), namespace_id: namespace };
        requests = [];
        const error = await kv.values.get('text', other).then(() => null, (e) => e);
        assert(error instanceof Cloudflare.APIError, 'was not refused');
        assert(error instanceof PermissionDeniedError || error instanceof Cloudflare.NotFoundError, `status ${error.status}`);
        assert.equal(requests.length, 1, requests.join(', '));
    });
}

await run(async () => {
    await discovery();
    await namespaces();
    const { id } = await makeNamespace(`${MARK} values`);
    await values(id);
    await metadata(id);
    await expirations(id);
    await strangers(id);
    await keys();
    await lists();
    await bulk();
    await check('a namespace that is deleted takes its keys with it', async () => {
        await kv.delete(id, mine);
        await refused(() => kv.values.get('text', { ...mine, namespace_id: id }), Cloudflare.NotFoundError, 10013);
    });
});
