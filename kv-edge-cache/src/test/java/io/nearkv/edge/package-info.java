/** Tests of the edge cache. */
@NullMarked
package io.nearkv.edge;

import org.jspecify.annotations.NullMarked;
