@NullMarked
package io.nearkv.deploy.rollout;

import org.jspecify.annotations.NullMarked;
