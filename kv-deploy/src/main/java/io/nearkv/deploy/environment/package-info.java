/** How an environment comes to its keys, and what people sign with theirs. */
@NullMarked
package io.nearkv.deploy.environment;

import org.jspecify.annotations.NullMarked;
