package io.nearkv.server.command;

import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.PlainText;
import java.util.ArrayList;
import java.util.List;

/** Lines in columns, for people. Not thread-safe. */
final class TextTable {
    private final List<List<String>> rows = new ArrayList<>();

    TextTable(String... heads) {
        rows.add(List.of(heads));
    }

    /** Adds a row with as many cells as there are columns. */
    TextTable row(String... cells) {
        rows.add(List.of(cells));
        return this;
    }

    void print(Console console) {
        int columns = rows.get(0).size();
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], PlainText.visible(row.get(i)).length());
            }
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                String cell = PlainText.visible(row.get(i));
                line.append(cell).append(" ".repeat(widths[i] - cell.length() + 2));
            }
            console.out().line(line.toString().stripTrailing());
        }
    }
}
