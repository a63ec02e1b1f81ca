package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Listings: byte order, prefixes taken literally, pages, cursors. */
public interface ListingContract extends ContractSupport {
    @Test
    default void an_empty_namespace_has_an_empty_listing() {
        assertThat(listAll(ListOptions.ALL)).isEmpty();
        assertThat(names("a")).isEmpty();
    }

    @Test
    default void a_listing_tells_all_but_the_value() {
        long version = put("k", bytes(5000, 1), PutOptions.metadata(Metadata.ofJson("{}")))
                .orThrow();
        assertThat(listAll(ListOptions.ALL))
                .containsExactly(new KeyInfo(key("k"), version, Metadata.ofJson("{}"), 0, 5000));
    }

    @Test
    default void keys_come_in_the_order_of_their_bytes_not_of_java_strings() {
        List<String> ordered = List.of(
                "\u0000",
                "\u0001",
                " ",
                "A",
                "Z",
                "a",
                "a\u0000",
                "a!",
                "aa",
                "b",
                "\u007f",
                "\u0080",
                "é",
                "\u07FF",
                "\u0800",
                "\uFF61",
                "\uFFFF",
                "\uD83D\uDE00",
                "\uDBFF\uDFFF");
        List<String> shuffled = new ArrayList<>(ordered);
        Collections.shuffle(shuffled, new Random(3));
        shuffled.forEach(key -> put(key, "v"));
        assertThat(names("")).containsExactlyElementsOf(ordered);
        assertThat(listAll(ListOptions.ALL.withLimit(1)))
                .extracting(KeyInfo::name)
                .containsExactlyElementsOf(ordered);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"a", "a%", "a_", "a*", "a.", "a/", "a\\", "a[", "\u007f", "é", "\uFFFF", "\uDBFF\uDFFF", "c3"})
    default void a_prefix_is_taken_literally(String prefix) {
        List<String> keys = List.of(
                "a",
                "a%",
                "a%b",
                "a_",
                "a_b",
                "axb",
                "a*",
                "a*b",
                "a.",
                "a/",
                "a/b",
                "a\\",
                "a\\b",
                "a[",
                "a[b]",
                "b",
                "\u007f",
                "\u007f\u007f",
                "\u0080",
                "é",
                "éé",
                "ê",
                "\uFFFF",
                "\uFFFFx",
                "\uD800\uDC00",
                "\uDBFF\uDFFF",
                "\uDBFF\uDFFF!",
                "\uDBFF\uDFFF\uDBFF\uDFFF",
                "c3");
        keys.forEach(key -> put(key, "v"));

        assertThat(names(prefix))
                .isNotEmpty()
                .containsExactlyElementsOf(keys.stream()
                        .filter(key -> key.startsWith(prefix))
                        .map(Key::of)
                        .sorted()
                        .map(Key::toString)
                        .toList());
    }

    @Test
    default void a_prefix_may_be_as_long_as_a_key() {
        String longest = "x".repeat(Limits.MAX_KEY_BYTES);
        put(longest, "v");
        put(longest.substring(1), "v");
        assertThat(names(longest)).containsExactly(longest);
        assertThat(names(longest.substring(1))).containsExactly(longest.substring(1), longest);
        assertThat(names("\uDBFF\uDFFF".repeat(Limits.MAX_KEY_BYTES / 4))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 49, 50, 51, 1000})
    default void pages_of_any_size_give_every_key_once_and_in_order(int limit) {
        List<String> expected =
                IntStream.range(0, 50).mapToObj(i -> String.format("p/%03d", i)).toList();
        expected.forEach(key -> put(key, "v"));
        put("before", "v");
        put("p0", "v"); // '0' follows '/'

        assertThat(listAll(ListOptions.prefix("p/").withLimit(limit)))
                .extracting(KeyInfo::name)
                .containsExactlyElementsOf(expected);
    }

    @Test
    default void the_largest_page_is_a_thousand_keys() {
        List<Mutation> mutations = IntStream.range(0, Limits.MAX_LIST_LIMIT + 1)
                .mapToObj(i -> putOf("k" + i, "v"))
                .toList();
        Object unused = await(store().writeAll(ns(), mutations, WriteOptions.DEFAULT));
        ListPage first = page(ListOptions.ALL);
        assertThat(first.keys()).hasSize(Limits.MAX_LIST_LIMIT);
        assertThat(first.complete()).isFalse();
        ListPage second = page(ListOptions.ALL.withCursor(first.next()));
        assertThat(second.keys()).hasSize(1);
    }

    @Test
    default void a_cursor_survives_its_text_form() {
        for (int i = 0; i < 10; i++) {
            put("é" + i, "v");
        }
        Cursor next = page(ListOptions.prefix("é").withLimit(4)).next();
        assertThat(next).isNotNull();
        Cursor parsed = Cursor.parse(String.valueOf(next));
        assertThat(listAll(ListOptions.prefix("é").withLimit(4).withCursor(parsed)))
                .extracting(KeyInfo::name)
                .containsExactly("é4", "é5", "é6", "é7", "é8", "é9");
    }

    @Test
    default void writes_between_pages_neither_skip_nor_repeat_what_stays() {
        for (int i = 0; i < 20; i++) {
            put(String.format("k%02d", i), "v");
        }
        List<String> seen = new ArrayList<>();
        ListOptions options = ListOptions.ALL.withLimit(3);
        int round = 0;
        while (true) {
            ListPage page = page(options);
            page.keys().forEach(info -> seen.add(info.name()));
            if (page.next() == null) {
                break;
            }
            // The key at which the cursor stands goes away, one before and one after it come.
            delete(seen.get(seen.size() - 1));
            put("a" + round, "before");
            put(String.format("k%02d-new", seen.size() + 1), "after");
            options = options.withCursor(page.next());
            round++;
        }
        assertThat(seen).doesNotHaveDuplicates();
        assertThat(new TreeSet<>(seen))
                .containsAll(IntStream.range(0, 20)
                        .mapToObj(i -> String.format("k%02d", i))
                        .toList());
        assertThat(seen.stream().filter(name -> name.startsWith("a"))).isEmpty();
    }

    @Test
    default void a_cursor_of_our_own_making_does_no_harm() {
        put("a/1", "v");
        put("b/1", "v");
        put("b/2", "v");
        put("c/1", "v");
        assertThat(listAll(ListOptions.prefix("b/").withCursor(Cursor.after(key("a")))))
                .extracting(KeyInfo::name)
                .containsExactly("b/1", "b/2");
        assertThat(listAll(ListOptions.prefix("b/").withCursor(Cursor.after(key("b/11")))))
                .extracting(KeyInfo::name)
                .containsExactly("b/2");
        assertThat(listAll(ListOptions.prefix("b/").withCursor(Cursor.after(key("c")))))
                .isEmpty();
        assertThat(listAll(ListOptions.ALL.withCursor(Cursor.after(key("\uDBFF\uDFFF".repeat(128))))))
                .isEmpty();
    }

    @Test
    default void a_listing_shows_the_version_of_the_last_write() {
        put("k", "1");
        long second = put("k", "2");
        assertThat(listAll(ListOptions.ALL)).extracting(KeyInfo::version).containsExactly(second);
    }
}
