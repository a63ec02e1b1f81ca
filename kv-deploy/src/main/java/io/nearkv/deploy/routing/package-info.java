/** The tier that chooses, for each request, the build that answers it, and leaves a wrong one at once. */
@NullMarked
package io.nearkv.deploy.routing;

import org.jspecify.annotations.NullMarked;
