/** Tests of the control plane's process and its faces. */
@NullMarked
package io.nearkv.server.control;

import org.jspecify.annotations.NullMarked;
