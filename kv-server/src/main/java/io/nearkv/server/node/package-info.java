/** A serving node: identity, engine and network put together, from the first start to the drain. */
@NullMarked
package io.nearkv.server.node;

import org.jspecify.annotations.NullMarked;
