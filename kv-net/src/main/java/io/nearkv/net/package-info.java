/** Limits and types that the client and the server share. */
@NullMarked
package io.nearkv.net;

import org.jspecify.annotations.NullMarked;
