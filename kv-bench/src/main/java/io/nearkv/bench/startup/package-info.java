/** How long a server takes from exec to its first answer. */
@NullMarked
package io.nearkv.bench.startup;

import org.jspecify.annotations.NullMarked;
