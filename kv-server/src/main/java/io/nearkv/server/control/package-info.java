/** The control plane as a process: where it keeps what, its HTTP face, and what commands ask it with. */
@NullMarked
package io.nearkv.server.control;

import org.jspecify.annotations.NullMarked;
