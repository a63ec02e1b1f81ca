/** How fast a write is seen at the edges, and how much of the reads they answer. */
@NullMarked
package io.nearkv.bench.edge;

import org.jspecify.annotations.NullMarked;
