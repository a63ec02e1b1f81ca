/** An environment with all its keys, for tests. */
@NullMarked
package io.nearkv.deploy.testing;

import org.jspecify.annotations.NullMarked;
