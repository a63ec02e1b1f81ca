// wrangler (npm), unmodified: its kv commands against a remote that is not Cloudflare's.
//
//   node wrangler.mjs --base http://127.0.0.1:8787/client/v4 --account ID --token-file DATA/admin.token

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd, check, everyByte, note, now, run, same, sameBytes, settings } from './flow.mjs';

const { base, account, token, program } = settings({ program: { type: 'string' } });

/** The wrangler of the lock file, or another one to try: --program FOLDER/node_modules/wrangler/bin/wrangler.js. */
const WRANGLER = program ?? join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin', 'wrangler.js');

/** A command takes one to three seconds of a free machine; what takes this long hangs. */
const COMMAND_MILLIS = 90_000;

const MARK = `wrangler-${process.pid}-${Date.now().toString(36)}`;
const folder = mkdtempSync(join(tmpdir(), 'nearkv-wrangler-'));
const outside = join(folder, 'outside.log');
const home = join(folder, 'home');
mkdirSync(home);
writeFileSync(outside, '');

// The banner comes with a question to the registry whether there is a newer wrangler, and so does any error that wrangler takes for
// one of its own. The first is turned off by a variable, the second goes to a port where nobody is.
writeFileSync(join(home, '.npmrc'), 'registry=http://127.0.0.1:9/\n');

/** Nothing of the caller's environment but the path: a login or a setting of this machine's user must not reach wrangler. */
const environment = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    TMPDIR: folder,
    CI: 'true',
    NO_COLOR: '1',
    CLOUDFLARE_API_BASE_URL: base,
    CLOUDFLARE_API_TOKEN: token,
    CLOUDFLARE_ACCOUNT_ID: account,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    NODE_OPTIONS: `--require ${fileURLToPath(new URL('outside.cjs', import.meta.url))}`,
    NEARKV_TEST_OUTSIDE: outside,
};

/** Runs a command to its end: exit code, standard output as bytes, standard error as text. */
function execute(cwd, args, change = {}) {
    return new Promise((resolve, reject) => {
        const env = Object.fromEntries(Object.entries({ ...environment, ...change }).filter(([, value]) => value !== undefined));
        const child = spawn(process.execPath, [WRANGLER, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
        const out = [];
        const err = [];
        const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_MILLIS);
        child.stdout.on('data', (bytes) => out.push(bytes));
        child.stderr.on('data', (bytes) => err.push(bytes));
        child.on('error', reject);
        child.on('close', (code, signal) => {
            clearTimeout(timer);
            resolve({ args, code: code ?? signal, out: Buffer.concat(out), err: Buffer.concat(err).toString() });
        });
    });
}

function shown({ args, code, out, err }) {
    return `wrangler ${args.join(' ')}: exit ${code}\n${out.toString().slice(-1500)}\n${err.slice(-1500)}`;
}

/** A folder to run commands in, one for each group of checks, because the groups run beside each other. */
function place(name) {
    const cwd = join(folder, name);
    mkdirSync(cwd);
    return {
        /** Runs a command that must succeed, and returns its standard output. */
        async wrangler(...args) {
            const result = await execute(cwd, args);
            assert.equal(result.code, 0, shown(result));
            return result.out;
        },
        /** Runs a command, with some variables changed, that must succeed, and returns its standard output. */
        async wranglerWith(change, ...args) {
            const result = await execute(cwd, args, change);
            assert.equal(result.code, 0, shown(result));
            return result.out;
        },
        /** Runs a command that must fail by itself, and returns all that it said. */
        async refused(args, change) {
            const result = await execute(cwd, args, change);
            assert(Number.isInteger(result.code) && result.code > 0, shown(result));
            return result.out.toString() + result.err;
        },
        /** Writes a file, and returns its path. */
        file(fileName, content) {
            const path = join(cwd, fileName);
            writeFileSync(path, content);
            return path;
        },
    };
}

/** The JSON in a command's output, without what wrangler says before and behind it. */
function json(out) {
    const text = out.toString();
    return JSON.parse(text.match(/^(\[\]|\{\}|[[{][^]*^[\]}])/m)?.[0] ?? text);
}

const atHome = place('namespaces');

/** Makes a namespace, and returns its id, which wrangler prints as a line of configuration. */
async function makeNamespace(title) {
    const out = (await atHome.wrangler('kv', 'namespace', 'create', title)).toString();
    const id = out.match(/"?id"?\s*[:=]\s*"([0-9a-f]{32})"/)?.[1];
    assert(id, out);
    return id;
}

/** Titles of this run's namespaces by their ids. */
async function listedNamespaces() {
    const all = json(await atHome.wrangler('kv', 'namespace', 'list'));
    return Object.fromEntries(all.filter((namespace) => namespace.title.startsWith(MARK)).map(({ id, title }) => [id, title]));
}

async function discovery() {
    const { wranglerWith, refused } = place('discovery');
    await check('whoami names the account, with CLOUDFLARE_ACCOUNT_ID and without', async () => {
        for (const change of [{}, { CLOUDFLARE_ACCOUNT_ID: undefined }]) {
            const out = (await wranglerWith(change, 'whoami')).toString();
            assert(out.includes(account), out);
        }
    });
    await check('without CLOUDFLARE_ACCOUNT_ID the account is found by itself', async () => {
        const found = json(await wranglerWith({ CLOUDFLARE_ACCOUNT_ID: undefined }, 'kv', 'namespace', 'list'));
        assert(Array.isArray(found), JSON.stringify(found));
    });
    await check('a wrong token is refused', async () => {
        const said = await refused(['kv', 'namespace', 'list'], { CLOUDFLARE_API_TOKEN: 'nonsense' });
        assert.match(said, /Authentication error|\[code: \d+\]/i);
    });
}

async function namespaces() {
    const { wrangler, refused } = atHome;
    await check('a namespace is made, renamed by its name and by its id, and listed', async () => {
        const id = await makeNamespace(`${MARK}-one`);
        await wrangler('kv', 'namespace', 'rename', `${MARK}-one`, '--new-name', `${MARK}-two`);
        assert.equal((await listedNamespaces())[id], `${MARK}-two`);
        await wrangler('kv', 'namespace', 'rename', '--namespace-id', id, '--new-name', `${MARK} three é`);
        assert.equal((await listedNamespaces())[id], `${MARK} three é`);
    });
    await check('a title that is taken is refused', async () => {
        assert.match(await refused(['kv', 'namespace', 'create', `${MARK} three é`]), /already exists|code: 10014/);
    });
    await check('a namespace is deleted by its name and by its id, once', async () => {
        await wrangler('kv', 'namespace', 'delete', `${MARK} three é`, '--skip-confirmation');
        const id = await makeNamespace(`${MARK}-four`);
        await wrangler('kv', 'namespace', 'delete', '--namespace-id', id, '--skip-confirmation');
        same(Object.values(await listedNamespaces()), [MARK], 'left');
        assert.match(await refused(['kv', 'namespace', 'delete', '--namespace-id', id, '--skip-confirmation']), /code: 10013/);
    });
}

async function keys(id) {
    const { wrangler, refused, file } = place('keys');
    const at = ['--namespace-id', id, '--remote'];
    const listed = async (...more) => json(await wrangler('kv', 'key', 'list', ...at, ...more));

    await check('a value is put and read, as bytes and as text', async () => {
        await wrangler('kv', 'key', 'put', 'greeting', 'hello é😀', ...at);
        sameBytes(await wrangler('kv', 'key', 'get', 'greeting', ...at), Buffer.from('hello é😀'));
        same((await wrangler('kv', 'key', 'get', 'greeting', '--text', ...at)).toString().trim(), 'hello é😀', '--text');
    });
    await check('a key with all that a URL could mangle is put, read, listed and deleted', async () => {
        const key = 'a/b%2F+ ?#:&=é😀/../..';
        await wrangler('kv', 'key', 'put', key, 'odd', ...at);
        sameBytes(await wrangler('kv', 'key', 'get', key, ...at), Buffer.from('odd'));
        same(await listed('--prefix', 'a/b%2F+ ?#'), [{ name: key }], 'list');
        await wrangler('kv', 'key', 'delete', key, ...at);
        assert.match(await refused(['kv', 'key', 'get', key, ...at]), /404: Not Found/);
    });
    for (const length of [0, 25 * 1024 * 1024]) {
        await check(`a file of ${length} bytes is put and read`, async () => {
            const content = everyByte(length);
            await wrangler('kv', 'key', 'put', 'from file', '--path', file('value.bin', content), ...at);
            sameBytes(await wrangler('kv', 'key', 'get', 'from file', ...at), content);
        });
    }
    await check('metadata, --ttl and --expiration are kept, with a value and with a file', async () => {
        const from = now();
        await wrangler('kv', 'key', 'put', 'kept/1', 'x', '--metadata', '{"owner":"é","n":[1,null]}', '--ttl', '120', ...at);
        await wrangler('kv', 'key', 'put', 'kept/2', 'x', '--expiration', String(from + 5000), ...at);
        const content = everyByte(5000);
        await wrangler('kv', 'key', 'put', 'kept/3', '--path', file('value.bin', content), '--metadata', '{"file":true}', ...at);
        const found = await listed('--prefix', 'kept/');
        assert(Math.abs(found[0].expiration - from - 120) < 60 && found[0].expiration >= from + 120, JSON.stringify(found[0]));
        same(found[0].metadata, { owner: 'é', n: [1, null] }, 'metadata');
        same(found.slice(1), [{ name: 'kept/2', expiration: from + 5000 }, { name: 'kept/3', metadata: { file: true } }], 'list');
        sameBytes(await wrangler('kv', 'key', 'get', 'kept/3', ...at), content);
    });
    await check('a ttl of 59 s is refused and nothing is written', async () => {
        assert.match(await refused(['kv', 'key', 'put', 'short', 'x', '--ttl', '59', ...at]), /code: 10034/);
        same(await listed('--prefix', 'short'), [], 'list');
    });
    await check('an absent key is refused by get and forgiven by delete', async () => {
        assert.match(await refused(['kv', 'key', 'get', 'absent', ...at]), /404: Not Found/);
        await wrangler('kv', 'key', 'delete', 'absent', ...at);
    });
    await check('a namespace is found by the binding of a configuration file', async () => {
        const configuration = file('wrangler.json', JSON.stringify({ name: 'worker', compatibility_date: '2025-01-01', kv_namespaces: [{ binding: 'KV', id }] }));
        await wrangler('kv', 'key', 'put', 'bound', 'by name', '--binding', 'KV', '--remote');
        sameBytes(await wrangler('kv', 'key', 'get', 'bound', '--binding', 'KV', '--remote'), Buffer.from('by name'));
        rmSync(configuration);
    });
}

async function bulk(id) {
    const { wrangler, refused, file } = place('bulk');
    const at = ['--namespace-id', id, '--remote'];
    await check('a file of items is put: texts, bytes, metadata, expirations', async () => {
        const binary = everyByte(600);
        const from = now();
        await wrangler('kv', 'bulk', 'put', file('items.json', JSON.stringify([
            { key: 'bulk/text', value: 'é😀' },
            { key: 'bulk/bytes', value: binary.toString('base64'), base64: true },
            { key: 'bulk/metadata', value: 'x', metadata: { a: 1 }, expiration_ttl: 600 },
            { key: 'bulk/at', value: 'x', expiration: from + 7000 },
        ])), ...at);
        sameBytes(await wrangler('kv', 'key', 'get', 'bulk/bytes', ...at), binary);
        const found = json(await wrangler('kv', 'key', 'list', '--prefix', 'bulk/', ...at));
        same(found.map((item) => item.name), ['bulk/at', 'bulk/bytes', 'bulk/metadata', 'bulk/text'], 'names');
        assert.equal(found[0].expiration, from + 7000);
        same(found[2].metadata, { a: 1 }, 'metadata');
    });
    await check('a file of keys is read', async () => {
        const out = await wrangler('kv', 'bulk', 'get', file('keys.json', JSON.stringify(['bulk/text', 'bulk/at', 'bulk/absent'])), ...at);
        const found = json(out);
        // Newer ones print {key: {value}}, older ones {key: value}.
        const valueOf = (key) => found[key]?.value ?? found[key];
        same([valueOf('bulk/text'), valueOf('bulk/at'), found['bulk/absent'] ?? null], ['é😀', 'x', null], out.toString());
    });
    await check('a bulk with one bad item is refused whole', async () => {
        const items = [{ key: 'bad/1', value: 'x' }, { key: 'bad/2', value: 'x', expiration_ttl: 59 }];
        assert.match(await refused(['kv', 'bulk', 'put', file('items.json', JSON.stringify(items)), ...at]), /code: \d+/);
        same(json(await wrangler('kv', 'key', 'list', '--prefix', 'bad/', ...at)), [], 'list');
    });
    await check('2500 items are put, listed and deleted', async () => {
        const names = Array.from({ length: 2500 }, (unused, i) => `many/${String(i).padStart(4, '0')}`);
        await wrangler('kv', 'bulk', 'put', file('items.json', JSON.stringify(names.map((key) => ({ key, value: key })))), ...at);
        const found = json(await wrangler('kv', 'key', 'list', '--prefix', 'many/', ...at));
        same(found.map((item) => item.name), names, 'names');
        await wrangler('kv', 'bulk', 'delete', file('keys.json', JSON.stringify(names)), '--force', ...at);
        same(json(await wrangler('kv', 'key', 'list', '--prefix', 'many/', ...at)), [], 'left');
    });
}

await run(async () => {
    atEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
    note(`wrangler ${(await atHome.wrangler('--version')).toString().trim()}`);
    const id = await makeNamespace(MARK);
    atEnd(() => atHome.wrangler('kv', 'namespace', 'delete', '--namespace-id', id, '--skip-confirmation'));
    // A command is mostly one second of one processor: two at a time.
    await Promise.all([discovery().then(namespaces).then(() => bulk(id)), keys(id)]);
    await check('no command looked for anything outside this machine', async () => {
        assert.equal(readFileSync(outside, 'utf8'), '');
    });
});
