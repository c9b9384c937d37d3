// Finds the paragraphs of a text that speak of a question, however it is spelled:
//   passages LICENSE "permision to use trade names"
//
// A paragraph is the set of its words, a word a vector of its letter trigrams; late interaction
// (MaxSim) looks for each word of the question the most similar word of a paragraph.
#include <cctype>
#include <cmath>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vecinal/index.hpp>
#include <vector>

namespace {

constexpr std::size_t dim = 128;

/// Sets of vectors side by side, and where each of them starts.
struct Sets {
  std::vector<float> values;
  std::vector<std::size_t> offsets{0};

  /// Adds the words of a text; false if it has none.
  bool add(const std::string& text) {
    std::string word;
    for (const char letter : text + " ") {
      if (std::isalpha(static_cast<unsigned char>(letter)) != 0)
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
      else if (word.size() > 2)
        add_word(std::exchange(word, ""));
      else
        word.clear();
    }
    if (values.size() == offsets.back() * dim) return false;
    offsets.push_back(values.size() / dim);
    return true;
  }

  /// A unit vector: each trigram of ^word$ counts at one place, up or down.
  void add_word(const std::string& word) {
    std::vector<float> vector(dim, 0.0F);
    const std::string marked = "^" + word + "$";
    for (std::size_t i = 0; i + 3 <= marked.size(); ++i) {
      const std::size_t hash = std::hash<std::string>{}(marked.substr(i, 3));
      vector[hash % dim] += (hash >> 20U) % 2 == 0 ? 1.0F : -1.0F;
    }
    float length = 0;
    for (const float value : vector) length += value * value;
    for (const float value : vector) values.push_back(value / std::sqrt(length));
  }

  [[nodiscard]] vecinal::Batch batch() const {
    return {.data = values.data(),
            .count = offsets.back(),
            .dim = dim,
            .stride = 0,
            .offsets = offsets};
  }
};

std::vector<std::string> paragraphs_of(std::istream& file) {
  std::vector<std::string> paragraphs(1);
  for (std::string line; std::getline(file, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos)
      paragraphs.emplace_back();
    else
      paragraphs.back() += line.substr(begin) + " ";
  }
  return paragraphs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: passages FILE QUESTION\n";
    return 2;
  }
  std::ifstream file(argv[1]);
  Sets passages;
  std::vector<std::string> texts;
  for (const std::string& paragraph : paragraphs_of(file))
    if (passages.add(paragraph)) texts.push_back(paragraph);
  Sets question;
  if (texts.empty() || !question.add(argv[2])) {
    std::cerr << "nothing to read in " << argv[1] << ", or no words in the question\n";
    return 1;
  }
  const auto index = vecinal::make_index(
      {.dim = dim, .metric = vecinal::Metric::chamfer, .encoding = vecinal::Encoding::lvq4});
  index->add(passages.batch());
  const vecinal::Neighbors hits = index->search(question.batch(), {.k = 3});
  for (std::size_t i = 0; i < hits.counts[0]; ++i)
    std::cout << -hits.distances[i] << "  " << texts[hits.ids[i]].substr(0, 90) << '\n';
}
