/**
 * The control plane of one environment of one service: builds, routes, the ledger and who has been told. A library: kv-server puts an HTTP face and commands around it.
 * Nothing here is needed to serve, nor to roll back.
 */
@NullMarked
package io.nearkv.deploy.control;

import org.jspecify.annotations.NullMarked;
