/** Whether a candidate build hurts its users, from counts alone: no I/O, no clock, no threads. */
@NullMarked
package io.nearkv.deploy.analysis;

import org.jspecify.annotations.NullMarked;
