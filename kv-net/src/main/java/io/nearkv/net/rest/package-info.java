/** The HTTP face: the REST API of Workers KV, translated onto a {@link io.nearkv.core.KvStore}. */
@NullMarked
package io.nearkv.net.rest;

import org.jspecify.annotations.NullMarked;
