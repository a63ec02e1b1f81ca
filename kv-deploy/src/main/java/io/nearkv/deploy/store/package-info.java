/** The documents that a process lives by: what it takes, how it keeps them, and what it reports. */
@NullMarked
package io.nearkv.deploy.store;

import org.jspecify.annotations.NullMarked;
