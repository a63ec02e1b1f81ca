/** The embedded engine: one RocksDB, one writer, group commit. */
@NullMarked
package io.nearkv.core.rocksdb;

import org.jspecify.annotations.NullMarked;
