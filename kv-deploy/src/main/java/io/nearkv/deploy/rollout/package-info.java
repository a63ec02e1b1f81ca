/** Progressive rollouts: plans, the state machine, and the comparison of builds over all nodes. Decides; reaches nobody. */
@NullMarked
package io.nearkv.deploy.rollout;

import org.jspecify.annotations.NullMarked;
