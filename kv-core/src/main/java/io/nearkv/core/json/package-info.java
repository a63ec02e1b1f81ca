/** Values and metadata as JSON, over Jackson 3, which an application adds if it wants this package. */
@NullMarked
package io.nearkv.core.json;

import org.jspecify.annotations.NullMarked;
