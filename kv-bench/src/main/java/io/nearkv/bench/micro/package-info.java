/** JMH benchmarks of CPU paths, and the exact count of garbage per remote get. */
@NullMarked
package io.nearkv.bench.micro;

import org.jspecify.annotations.NullMarked;
