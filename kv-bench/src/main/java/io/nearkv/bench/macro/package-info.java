/** The load tool and the comparison with peers: whole processes, sockets and disks. */
@NullMarked
package io.nearkv.bench.macro;

import org.jspecify.annotations.NullMarked;
