package io.nearkv.net.server;

import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Documents that are plain text: a number is newer the larger it is, anything else is rejected. Nothing of the network knows what is in them. */
public final class FakeDocuments implements DocumentExchange {
    public final List<String> offered = new CopyOnWriteArrayList<>();
    private final String node;
    private final List<Consumer<byte[]>> followers = new CopyOnWriteArrayList<>();
    private int active;

    public FakeDocuments(String node) {
        this.node = node;
    }

    public static byte[] number(int number) {
        return Integer.toString(number).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public DocumentVerdict offer(byte[] document, String from) {
        String text = new String(document, StandardCharsets.UTF_8);
        offered.add(text + " " + from);
        synchronized (this) {
            int number;
            try {
                number = Integer.parseInt(text);
            } catch (NumberFormatException e) {
                return verdict(DocumentVerdict.Outcome.REJECTED, "malformed");
            }
            if (number == active) {
                return verdict(DocumentVerdict.Outcome.KNOWN, "");
            }
            if (number < active) {
                return verdict(DocumentVerdict.Outcome.REJECTED, "not_newer");
            }
            active = number;
        }
        followers.forEach(follower -> follower.accept(document));
        return verdict(DocumentVerdict.Outcome.ACCEPTED, "");
    }

    private synchronized DocumentVerdict verdict(DocumentVerdict.Outcome outcome, String reason) {
        return new DocumentVerdict(outcome, reason, "", 1, active, "ab", "b=10000", node);
    }

    public synchronized int active() {
        return active;
    }

    public int followers() {
        return followers.size();
    }

    @Override
    public DocumentVerdict status() {
        return verdict(DocumentVerdict.Outcome.STATUS, "");
    }

    @Override
    public synchronized List<byte[]> documents() {
        List<byte[]> all = new ArrayList<>();
        if (active > 0) {
            all.add(number(active));
        }
        return all;
    }

    @Override
    public Registration follow(Consumer<byte[]> follower) {
        followers.add(follower);
        return () -> followers.remove(follower);
    }
}
