package io.nearkv.net.transport;

import io.nearkv.core.IoThread;
import io.netty.util.concurrent.FastThreadLocalThread;

/** A thread that runs one event loop: nobody may wait on it for an answer. */
final class EventLoopThread extends FastThreadLocalThread implements IoThread {
    EventLoopThread(Runnable task, String name) {
        super(task, name);
        setDaemon(true);
    }
}
