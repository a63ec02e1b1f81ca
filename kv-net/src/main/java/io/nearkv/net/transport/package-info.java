/** Event loops and sockets, for client and server alike. Internal to kv-net: its types name Netty's. */
@NullMarked
package io.nearkv.net.transport;

import org.jspecify.annotations.NullMarked;
