// Loaded into wrangler's processes by NODE_OPTIONS, which leaves wrangler itself as it is: writes down each connection that goes
// anywhere but this machine into the file NEARKV_TEST_OUTSIDE, and refuses it.

const { appendFileSync } = require('node:fs');
const net = require('node:net');

const LOOPBACK = /^(127\.|::1$|localhost$)/;
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...args) {
    // net passes its own, already normalised: [options, callback].
    const options = Array.isArray(args[0]) ? args[0][0] : args[0];
    const host = options?.host ?? options?.hostname;
    if (typeof options === 'object' && !options.path && host && !LOOPBACK.test(host)) {
        appendFileSync(process.env.NEARKV_TEST_OUTSIDE, `${host}:${options.port} from ${process.argv.slice(2).join(' ')}\n`);
        process.nextTick(() => this.destroy(Object.assign(new Error(`outside: ${host}`), { code: 'ENETUNREACH' })));
        return this;
    }
    return connect.apply(this, args);
};
