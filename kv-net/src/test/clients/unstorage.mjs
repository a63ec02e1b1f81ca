// unstorage (npm), unmodified, with its driver cloudflare-kv-http.
//
//   node unstorage.mjs --base http://127.0.0.1:8787/client/v4 --account ID --token-file DATA/admin.token

import assert from 'node:assert/strict';
import { createStorage, prefixStorage } from 'unstorage';
import cloudflareKvHttp from 'unstorage/drivers/cloudflare-kv-http';
import { atEnd, check, everyByte, now, run, same, sameBytes, settings } from './flow.mjs';

const { base, account, token } = settings();

/** The driver adds the base path by itself. */
const apiURL = base.replace(/\/client\/v4$/, '');

const headers = { authorization: `Bearer ${token}` };
const namespacesUrl = `${base}/accounts/${account}/storage/kv/namespaces`;

/** What the driver has no call for: namespaces, and to see what it has really written. */
async function api(method, path, body) {
    const response = await fetch(`${namespacesUrl}${path}`, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    assert(answer.success, `${method} ${path}: ${response.status} ${JSON.stringify(answer.errors)}`);
    return answer.result;
}

function storage(namespaceId, more = {}) {
    return createStorage({ driver: cloudflareKvHttp({ apiURL, accountId: account, namespaceId, apiToken: token, ...more }) });
}

await run(async () => {
    const { id } = await api('POST', '', { title: `unstorage-${process.pid}-${Date.now().toString(36)}` });
    atEnd(() => api('DELETE', `/${id}`));
    const store = storage(id);
    const listed = async () => (await api('GET', `/${id}/keys`)).map((item) => item.name);

    await check('an absent item is null and not there', async () => {
        assert.equal(await store.getItem('absent'), null);
        assert.equal(await store.getItemRaw('absent'), null);
        assert.equal(await store.hasItem('absent'), false);
    });
    const items = { text: 'plain é😀', number: 17, zero: 0, no: false, object: { a: [1, { b: 'é' }] }, array: [1, 'two', null], 'long text': 'x'.repeat(100_000) };
    for (const [key, value] of Object.entries(items)) {
        await check(`an item that is ${key} comes back and is there`, async () => {
            await store.setItem(key, value);
            same(await store.getItem(key), value, 'getItem');
            assert.equal(await store.hasItem(key), true);
        });
    }
    await check('an item is replaced', async () => {
        await store.setItem('text', 'second');
        assert.equal(await store.getItem('text'), 'second');
    });
    await check('raw bytes of all 256 kinds come back', async () => {
        // The driver has no raw calls of its own: unstorage wraps the bytes in base64, and unwraps them.
        const bytes = everyByte(70_000);
        await store.setItemRaw('raw', bytes);
        sameBytes(await store.getItemRaw('raw'), bytes);
        await store.setItemRaw('raw', new Uint8Array([0, 255, 10, 13]));
        sameBytes(await store.getItemRaw('raw'), [0, 255, 10, 13]);
    });
    await check('a key with colons is one key on the server, and slashes become colons', async () => {
        await store.setItem('user:1:name', 'Ada');
        await store.setItem('user/2/name', 'Bob');
        assert.equal(await store.getItem('user:2:name'), 'Bob');
        assert.equal(await store.getItem('user/1/name'), 'Ada');
        const names = await listed();
        assert(names.includes('user:1:name') && names.includes('user:2:name'), names.join(' '));
    });
    for (const key of ['with space', 'per%cent', '%2F', 'a+b', 'a#b', 'a&b=c', 'é', '😀', 'semi;colon', 'quote"\'', '...', '__proto__']) {
        await check(`the key ${JSON.stringify(key)} is set, read, found, listed and removed`, async () => {
            await store.setItem(key, `value of ${key}`);
            assert.equal(await store.getItem(key), `value of ${key}`);
            assert.equal(await store.hasItem(key), true);
            assert((await store.getKeys()).includes(key), (await store.getKeys()).join(' '));
            assert((await listed()).includes(key), 'not that key on the server');
            await store.removeItem(key);
            assert.equal(await store.hasItem(key), false);
        });
    }
    await check('removing is for good, and removing what is absent succeeds', async () => {
        await store.setItem('gone', 'x');
        await store.removeItem('gone');
        assert.equal(await store.getItem('gone'), null);
        assert.equal(await store.hasItem('gone'), false);
        await store.removeItem('gone');
    });
    await check('keys are listed, all and by base', async () => {
        const all = await store.getKeys();
        for (const key of [...Object.keys(items), 'raw', 'user:1:name', 'user:2:name']) {
            assert(all.includes(key), `no ${key} in ${all.join(' ')}`);
        }
        same((await store.getKeys('user')).sort(), ['user:1:name', 'user:2:name'], 'by base');
        same(await store.getKeys('user:2'), ['user:2:name'], 'by longer base');
        same(await store.getKeys('us'), [], 'a base is a whole segment');
    });
    await check('ttl is sent as expiration_ttl, and never less than 60 s', async () => {
        for (const [ttl, expected] of [[3600, 3600], [5, 60]]) {
            const from = now();
            await store.setItem('expiring', 'x', { ttl });
            const [item] = await api('GET', `/${id}/keys?prefix=expiring`);
            assert(item.expiration >= from + expected && item.expiration <= now() + expected, `${item.expiration - from}`);
        }
    });
    await check('metadata is kept beside the item', async () => {
        // Not the server's metadata: a second item, whose key ends in $.
        await store.setMeta('text', { owner: 'ada', rank: 1 });
        const meta = await store.getMeta('text');
        same([meta.owner, meta.rank], ['ada', 1], 'getMeta');
        await store.removeMeta('text');
        same(Object.keys(await store.getMeta('text')), [], 'after removeMeta');
    });
    await check('several items are set and read at once', async () => {
        await store.setItems([{ key: 'several:1', value: 'one' }, { key: 'several:2', value: { two: 2 } }]);
        const found = await store.getItems(['several:1', 'several:2', 'several:3']);
        same(found.map((item) => item.value), ['one', { two: 2 }, null], 'getItems');
    });
    await check('a driver with a base sees its own part alone', async () => {
        const part = storage(id, { base: 'tenant:a' });
        await part.setItem('key', 'in a');
        await store.setItem('tenant:b:key', 'in b');
        assert.equal(await part.getItem('key'), 'in a');
        assert.equal(await store.getItem('tenant:a:key'), 'in a');
        same(await part.getKeys(), ['key'], 'keys');
        await part.clear();
        assert.equal(await store.getItem('tenant:a:key'), null);
        assert.equal(await store.getItem('tenant:b:key'), 'in b');
    });
    await check('a storage behind a prefix sees its own part alone', async () => {
        const part = prefixStorage(store, 'prefixed');
        await part.setItem('key', 'x');
        assert.equal(await store.getItem('prefixed:key'), 'x');
        same(await part.getKeys(), ['key'], 'keys');
    });
    await check('a mounted driver is cleared by its mount point', async () => {
        const mounted = createStorage();
        mounted.mount('kv', cloudflareKvHttp({ apiURL, accountId: account, namespaceId: id, apiToken: token, base: 'mounted' }));
        await mounted.setItem('kv:key', 'x');
        assert.equal(await store.getItem('mounted:key'), 'x');
        same(await mounted.getKeys('kv'), ['kv:key'], 'keys');
        await mounted.clear('kv');
        assert.equal(await store.getItem('mounted:key'), null);
        assert.equal(await store.hasItem('text'), true);
    });
    await check('2500 keys are listed over pages and cleared', async () => {
        const many = Array.from({ length: 2500 }, (unused, i) => ({ key: `many:${i}`, value: `${i}` }));
        await api('PUT', `/${id}/bulk`, many);
        assert.equal((await store.getKeys('many')).length, 2500);
        await store.clear();
        same(await store.getKeys(), [], 'left');
        same(await listed(), [], 'left on the server');
    });
    await check('a wrong token is an error and not an absent item', async () => {
        const stranger = storage(id, { apiToken: 'nonsense' });
        for (const call of [() => stranger.getItem('text'), () => stranger.hasItem('text'), () => stranger.setItem('text', 'x'), () => stranger.getKeys()]) {
            await assert.rejects(call, (error) => error.response?.status === 401 || error.status === 401);
        }
    });
    await check('a namespace that is unknown is an error of the writes', async () => {
        await assert.rejects(() => storage('0123456789abcdef0123456789abcdef').setItem('text', 'x'), (error) => error.response?.status === 404);
    });
});
