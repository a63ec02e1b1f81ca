/** JMH benchmarks of CPU paths. */
@NullMarked
package io.nearkv.bench.micro;

import org.jspecify.annotations.NullMarked;
