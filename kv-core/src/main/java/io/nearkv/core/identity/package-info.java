/** Environments, their keys, tokens and build credentials: who may do what, decided without a network. */
@NullMarked
package io.nearkv.core.identity;

import org.jspecify.annotations.NullMarked;
