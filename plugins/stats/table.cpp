/* Copyright (c) mcpd contributors.  See LICENSE for details. */

#include "table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace table {

namespace {

constexpr size_t SHOWN = 40; /* bytes of a field in a sentence */

std::string at_line(size_t line)
{
    return "Line " + std::to_string(line) + ": ";
}

/* Reads fields; knows of no table. */
class Reader {
public:
    Reader(std::string_view text, char delimiter) : rest_(text), delimiter_(delimiter) {}

    bool done() const { return rest_.empty(); }
    size_t line() const { return line_; }

    /* Read a row: at least one field, and the end of its line. */
    std::vector<std::string> row()
    {
        std::vector<std::string> fields = {field()};
        while (!rest_.empty() && rest_[0] == delimiter_) {
            rest_.remove_prefix(1);
            if (fields.size() == COLUMNS) {
                throw Unreadable(at_line(line_) + "there are more than " + std::to_string(COLUMNS) +
                                 " columns");
            }
            fields.push_back(field());
        }
        end();
        return fields;
    }

private:
    std::string field()
    {
        if (!rest_.empty() && rest_[0] == '"') {
            return quoted();
        }
        size_t size = std::min(rest_.find_first_of(std::string{delimiter_, '\r', '\n'}), rest_.size());
        std::string text(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return text;
    }

    std::string quoted()
    {
        std::string text;
        size_t begin = line_;
        do {
            rest_.remove_prefix(1);
            size_t size = rest_.find('"');
            if (size == rest_.npos) {
                throw Unreadable(at_line(begin) + "a quote is not closed");
            }
            text.append(text.empty() && !again_ ? "" : "\"").append(rest_.substr(0, size));
            line_ += static_cast<size_t>(std::count(rest_.begin(), rest_.begin() + size, '\n'));
            rest_.remove_prefix(size + 1);
            again_ = true;
        } while (!rest_.empty() && rest_[0] == '"');
        again_ = false;
        return text;
    }

    void end()
    {
        if (!rest_.empty() && rest_[0] == '\r') {
            rest_.remove_prefix(1);
        }
        if (rest_.empty()) {
            return;
        }
        if (rest_[0] != '\n') {
            throw Unreadable(at_line(line_) + "there is something between a field and its delimiter");
        }
        rest_.remove_prefix(1);
        line_++;
    }

    std::string_view rest_;
    char delimiter_;
    size_t line_ = 1;
    bool again_ = false; /* whether a quote within quotes was met */
};

std::string_view trim(std::string_view text)
{
    size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    size_t end = text.find_last_not_of(" \t") + 1;
    return text.substr(begin, std::max(begin, end) - begin);
}

double number_of(std::string_view text, size_t line)
{
    std::string_view digits = text.substr(text[0] == '+' && text.size() > 1 && text[1] != '-');
    double value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value)) {
        std::string shown(text.substr(0, SHOWN));
        throw Unreadable(at_line(line) + "\"" + shown + "\" is no finite number");
    }
    return value;
}

} // namespace

Table::Table(std::string_view text, char delimiter)
{
    /* Spreadsheets begin their UTF-8 with a mark. */
    Reader reader(text.substr(text.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0), delimiter);
    while (!reader.done()) {
        size_t line = reader.line();
        std::vector<std::string> row = reader.row();
        if (row.size() == 1 && trim(row[0]).empty() && (rows_.empty() || rows_[0].size() > 1)) {
            continue;
        }
        if (rows_.size() > ROWS) {
            throw Unreadable("There are more than " + std::to_string(ROWS) + " rows");
        }
        if (!rows_.empty() && row.size() != rows_[0].size()) {
            throw Unreadable(at_line(line) + "there are " + std::to_string(row.size()) +
                             " columns, but in the first row " + std::to_string(rows_[0].size()));
        }
        rows_.push_back(std::move(row));
        lines_.push_back(line);
    }
    if (rows_.empty()) {
        throw Unreadable("There are no rows");
    }
}

size_t Table::find(const std::string &name) const
{
    const std::vector<std::string> &names = rows_[0];
    auto is_name = [&](const std::string &own) { return trim(own) == trim(name); };
    auto found = std::find_if(names.begin(), names.end(), is_name);
    if (found == names.end()) {
        throw Unreadable("No column is called \"" + name.substr(0, SHOWN) + "\"");
    }
    if (std::find_if(found + 1, names.end(), is_name) != names.end()) {
        throw Unreadable("Two columns are called \"" + name.substr(0, SHOWN) + "\"; give the number of one");
    }
    return static_cast<size_t>(found - names.begin());
}

size_t Table::find(size_t number) const
{
    if (number > rows_[0].size()) {
        throw Unreadable("There is no column " + std::to_string(number) + ", only " +
                         std::to_string(rows_[0].size()));
    }
    return number - 1;
}

std::vector<std::vector<double>> Table::take(const std::vector<size_t> &columns, bool header, bool skip) const
{
    std::vector<std::vector<double>> taken(columns.size());
    for (size_t row = header; row < rows_.size(); row++) {
        auto is_empty = [&](size_t column) { return trim(rows_[row][column]).empty(); };
        bool lacks = std::any_of(columns.begin(), columns.end(), is_empty);
        if (lacks && !skip) {
            throw Unreadable(at_line(lines_[row]) + "a field is empty; skip_empty leaves such rows out");
        }
        for (size_t each = 0; each < columns.size() && !lacks; each++) {
            taken[each].push_back(number_of(trim(rows_[row][columns[each]]), lines_[row]));
        }
    }
    return taken;
}

} // namespace table
