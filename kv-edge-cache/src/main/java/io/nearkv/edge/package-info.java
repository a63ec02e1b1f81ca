/** The edge cache: a tier that caches the tier below it, and learns from its change feed what has changed. */
@NullMarked
package io.nearkv.edge;

import org.jspecify.annotations.NullMarked;
