/** Environments and what proves belonging to one: keysets, tokens, build credentials, revocation. Everything is verified offline. */
@NullMarked
package io.nearkv.core.identity;

import org.jspecify.annotations.NullMarked;
