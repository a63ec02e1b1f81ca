/** What concurrent clients asked and were told, and checkers that say whether a correct store could have answered so. Knows nothing of the product. */
@NullMarked
package io.nearkv.cluster.history;

import org.jspecify.annotations.NullMarked;
