/** Frames and codecs of the wire protocol, without threads or sockets. */
@NullMarked
package io.nearkv.net.protocol;

import org.jspecify.annotations.NullMarked;
