/** The composition root: builds the tiers from the settings and serves them. */
@NullMarked
package io.nearkv.server;

import org.jspecify.annotations.NullMarked;
