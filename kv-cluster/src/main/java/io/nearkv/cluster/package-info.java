/** The store on many machines: the engine of each node is applied from one log, which Raft (Apache Ratis) keeps. */
@NullMarked
package io.nearkv.cluster;

import org.jspecify.annotations.NullMarked;
