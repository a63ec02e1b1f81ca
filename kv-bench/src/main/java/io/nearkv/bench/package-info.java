/** What the benchmarks and the load tool share. */
@NullMarked
package io.nearkv.bench;

import org.jspecify.annotations.NullMarked;
