#include "faults/disk.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

namespace vecinal::test {

Disk::Disk(std::filesystem::path folder) : folder_(std::move(folder)) { listen(this); }

void Disk::add(Change change) {
  change.made = now_++;
  changes_.push_back(std::move(change));
}

std::string Disk::name_in_folder(const char* path) const {
  const std::filesystem::path file(path);
  return file.parent_path() == folder_ ? file.filename().string() : std::string();
}

void Disk::opened(int file, const char* path) {
  open_.erase(file);
  if (std::filesystem::path(path) == folder_) open_[file] = no_file;
  const std::string name = name_in_folder(path);
  if (name.empty()) return;
  const auto [found, is_new] = names_.try_emplace(name, files_);
  if (is_new)
    add({.kind = Change::Kind::create, .file = no_file, .offset = files_++, .name = name});
  open_[file] = found->second;
}

void Disk::wrote(int file, std::uint64_t offset, std::span<const std::byte> data) {
  if (!open_.contains(file)) return;
  add({.kind = Change::Kind::write,
       .file = open_[file],
       .offset = offset,
       .bytes = {reinterpret_cast<const char*>(data.data()), data.size()}});
}

void Disk::truncated(int file, std::uint64_t bytes) {
  if (open_.contains(file))
    add({.kind = Change::Kind::truncate, .file = open_[file], .offset = bytes});
}

void Disk::synced(int file) {
  if (!open_.contains(file)) return;
  const std::size_t moment = now_++;
  for (Change& change : changes_)
    if (change.file == open_[file]) change.safe = std::min(change.safe, moment);
}

void Disk::renamed(const char* from, const char* to) {
  const std::string name = name_in_folder(from);
  const auto found = names_.find(name);
  if (found == names_.end()) return;
  names_[name_in_folder(to)] = found->second;
  names_.erase(name);
  add({.kind = Change::Kind::rename, .name = name, .new_name = name_in_folder(to)});
}

std::size_t Disk::open_changes(std::size_t moment) const {
  return static_cast<std::size_t>(std::count_if(
      changes_.begin(), changes_.end(),
      [&](const Change& change) { return change.made < moment && change.safe >= moment; }));
}

void Disk::restore(std::size_t moment, const std::function<Fate(std::size_t)>& fate,
                   const std::filesystem::path& to) const {
  std::vector<std::string> contents(files_);
  std::map<std::string, std::size_t> names;
  std::size_t open = 0;
  for (const Change& change : changes_) {
    if (change.made >= moment) continue;
    const Fate now = change.safe < moment ? Fate::whole : fate(open++);
    if (now == Fate::lost) continue;
    switch (change.kind) {
      case Change::Kind::write: {
        const std::size_t length = change.bytes.size() / (now == Fate::cut ? 2 : 1);
        std::string& content = contents[change.file];
        content.resize(std::max(content.size(), change.offset + length));
        content.replace(change.offset, length, change.bytes, 0, length);
        break;
      }
      case Change::Kind::truncate:
        contents[change.file].resize(change.offset);
        break;
      case Change::Kind::create:
        names[change.name] = change.offset;
        break;
      case Change::Kind::rename:
        if (const auto found = names.find(change.name); found != names.end()) {
          names[change.new_name] = found->second;
          names.erase(change.name);
        }
        break;
    }
  }
  std::filesystem::remove_all(to);
  std::filesystem::create_directory(to);
  for (const auto& [name, file] : names)
    std::ofstream(to / name, std::ios::binary) << contents[file];
}

}  // namespace vecinal::test
