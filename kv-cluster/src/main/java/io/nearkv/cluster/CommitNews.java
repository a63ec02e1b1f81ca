package io.nearkv.cluster;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Has followers told at once how far the log is committed. By itself Ratis tells them with the next entry or heartbeat, so that on a quiet cluster they show a write half an election timeout late.
 * Thread-safe.
 */
final class CommitNews {
    private final Set<EntrySender> senders = ConcurrentHashMap.newKeySet();

    /** Notes what sends to a follower while this node leads. */
    void add(EntrySender sender) {
        senders.add(sender);
    }

    /** Has those followers told that do not know yet, each as soon as it has the entry. */
    void tell(long index) {
        senders.removeIf(sender -> !sender.isRunning());
        for (EntrySender sender : senders) {
            sender.tell(index);
        }
    }
}
