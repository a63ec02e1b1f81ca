/** Tests of the routed tier. */
@NullMarked
package io.nearkv.deploy.routing;

import org.jspecify.annotations.NullMarked;
