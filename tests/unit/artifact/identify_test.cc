#include "agent/artifact/identify.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/unit/artifact/files.h"

namespace tensorwarden {
namespace {

using namespace std::string_literals;
using ::testing::Ge;
using ::testing::Lt;

MATCHER_P2(Is, format, klass, "") { return arg.format == format && arg.klass == klass && arg.confidence >= 0.5; }
MATCHER(NoFind, "") { return arg.confidence < 0.5; }

constexpr char kTwoTensors[] =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
    R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[16,24]}})";

std::string Sample(const std::string& name) {
  std::ifstream file("tests/data/artifact/" + name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(SafetensorsTest, ASoundFileIsSure) {
  const Identity identity = IdentifyBytes(Safetensors(kTwoTensors, 24));
  EXPECT_THAT(identity, Is("safetensors", "model"));
  EXPECT_THAT(identity.confidence, Ge(0.9));
}

TEST(SafetensorsTest, TheNameTellsAnAdapterOrACheckpoint) {
  EXPECT_THAT(IdentifyBytes(Safetensors(kTwoTensors, 24), "adapter_model.safetensors"), Is("safetensors", "adapter"));
  EXPECT_THAT(IdentifyBytes(Safetensors(kTwoTensors, 24), "checkpoint-7.safetensors"), Is("safetensors", "checkpoint"));
}

TEST(SafetensorsTest, AHeaderLongerThanTheWindowIsJudgedByWhatIsSeen) {
  std::string json = "{";
  uint64_t offset = 0;
  for (int i = 0; i < 3000; ++i, offset += 4)
    json += "\"t" + std::to_string(i) + R"(":{"dtype":"F32","shape":[1],"data_offsets":[)" + std::to_string(offset) +
            "," + std::to_string(offset + 4) + "]},";
  json.back() = '}';
  ASSERT_GT(json.size(), 64u << 10);
  EXPECT_THAT(IdentifyBytes(Safetensors(json, offset)).confidence, Ge(0.9));
}

TEST(SafetensorsTest, MalformedFilesAreStillFoundButLessSure) {
  const char* json[] = {
      R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,12]}})",
      R"({"a":{"dtype":"F32","shape":[18446744073709551614,2],"data_offsets":[0,24]}})",
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
  };
  for (const char* text : json) {
    const Identity identity = IdentifyBytes(Safetensors(text, 24));
    EXPECT_THAT(identity, Is("safetensors", "model")) << text;
    EXPECT_THAT(identity.confidence, Lt(0.9)) << text;
  }
  EXPECT_THAT(IdentifyBytes(Safetensors(kTwoTensors, 25)).confidence, Lt(0.9));
}

TEST(SafetensorsTest, OtherJsonAndImpossibleLengthsAreNoFind) {
  EXPECT_THAT(IdentifyBytes(Safetensors(R"({"name":"value"})", 8)), NoFind());
  EXPECT_THAT(IdentifyBytes(Number(~0ull, 8) + kTwoTensors), NoFind());
  EXPECT_THAT(IdentifyBytes(Number(100, 8) + "{"), NoFind());
  EXPECT_THAT(IdentifyBytes(Number(1, 8) + "{}"), NoFind());
  EXPECT_THAT(IdentifyBytes(R"({"json": "file", "of": ["any", "kind"]})"), NoFind());
}

TEST(GgufTest, AllVersionsAndBothByteOrdersAreRead) {
  for (uint32_t version : {1u, 2u, 3u}) EXPECT_THAT(IdentifyBytes(Gguf(version, false)).confidence, Ge(0.9)) << version;
  EXPECT_THAT(IdentifyBytes(Gguf(3, true)), Is("gguf", "model"));
  EXPECT_THAT(IdentifyBytes(Gguf(3, true)).confidence, Ge(0.9));
}

TEST(GgufTest, AnAdapterSaysSo) {
  EXPECT_THAT(IdentifyBytes(Gguf(3, false, "general.type", "adapter")), Is("gguf", "adapter"));
}

TEST(GgufTest, LyingCountsAreBoundedAndLowerTheConfidence) {
  const std::string lies[] = {"GGUF" + Number(3, 4) + Number(~0ull, 8) + Number(~0ull, 8),
                              "GGUF" + Number(3, 4) + Number(0, 8) + Number(1, 8) + Number(~0ull, 8),
                              "GGUF" + Number(9, 4), "GGUF"};
  for (const std::string& lie : lies) {
    const Identity identity = IdentifyBytes(lie);
    EXPECT_THAT(identity, Is("gguf", "model"));
    EXPECT_THAT(identity.confidence, Lt(0.9));
  }
}

TEST(GgufTest, ArraysOfArraysAreBoundedInDepth) {
  std::string nested = "GGUF" + Number(3, 4) + Number(0, 8) + Number(1, 8) + Number(1, 8) + "k" + Number(9, 4);
  for (int i = 0; i < 1000; ++i) nested += Number(9, 4) + Number(1, 8);
  EXPECT_THAT(IdentifyBytes(nested).confidence, Lt(0.9));
}

TEST(ZipTest, PyTorchIsKnownByItsMembers) {
  const std::string zip = Zip({{"archive/data.pkl", "x"}, {"archive/version", "3"}, {"archive/data/0", "wwww"}});
  EXPECT_THAT(IdentifyBytes(zip, "m.pt"), Is("pytorch_zip", "model"));
  EXPECT_THAT(IdentifyBytes(zip, "ckpt_12.bin"), Is("pytorch_zip", "checkpoint"));
}

TEST(ZipTest, TorchScriptHasCode) {
  EXPECT_THAT(IdentifyBytes(Zip({{"m/data.pkl", ""}, {"m/code/__torch__.py", ""}, {"m/constants.pkl", ""}})),
              Is("torchscript_zip", "model"));
}

TEST(ZipTest, ArraysAreNpzAndKerasHasItsTrio) {
  EXPECT_THAT(IdentifyBytes(Zip({{"a.npy", ""}, {"b.npy", ""}})), Is("npz", "dataset"));
  EXPECT_THAT(IdentifyBytes(Zip({{"config.json", ""}, {"metadata.json", ""}, {"model.weights.h5", ""}})),
              Is("keras_zip", "model"));
}

TEST(ZipTest, OtherArchivesAreNoFind) {
  EXPECT_THAT(IdentifyBytes(Zip({{"word/document.xml", ""}})), NoFind());
  EXPECT_THAT(IdentifyBytes("PK\x03\x04"), NoFind());
  EXPECT_THAT(IdentifyBytes("PK\x05\x06" + std::string(18, '\0')), NoFind());
}

TEST(ZipTest, AMemberMayHideFromTheHeadButNotFromTheDirectory) {
  const std::string zip = Zip({{"filler", std::string(200'000, 'f')}, {"x/data.pkl", ""}, {"x/data/0", ""}});
  EXPECT_THAT(IdentifyBytes(zip), Is("pytorch_zip", "model"));
}

TEST(ZipTest, ALongDirectoryIsReadFromWhereTheTailBegins) {
  std::vector<std::pair<std::string, std::string>> members = {{"m/data.pkl", "x"}};
  for (int i = 0; i < 3000; ++i) members.emplace_back("m/data/" + std::to_string(i), "w");
  EXPECT_THAT(IdentifyBytes(Zip(members)), Is("pytorch_zip", "model"));
}

TEST(PickleTest, AnAiLibraryAmongTheGlobalsIsAFind) {
  EXPECT_THAT(IdentifyBytes("\x80\x02"s + "ctorch._utils\n_rebuild_tensor_v2\nq\0."s), Is("pickle", "model"));
  EXPECT_THAT(IdentifyBytes("\x80\x04\x8c\x0dsklearn.svm._\x94\x8c\x03SVC\x94\x93\x94."s), Is("pickle", "model"));
  EXPECT_THAT(IdentifyBytes("cnumpy.core.multiarray\n_reconstruct\np0\n(tR."s), Is("pickle", "model"));
}

TEST(PickleTest, AMemoisedModuleNameIsFollowed) {
  EXPECT_THAT(IdentifyBytes("\x80\x04\x8c\x05torch\x94\x8c\x01x\x94h\0h\x01\x93."s), Is("pickle", "model"));
}

TEST(PickleTest, OthersNeedTheNameToHelp) {
  const std::string plain =
      "\x80\x04]\x94(K\x01K\x02"
      "e."s;
  EXPECT_THAT(IdentifyBytes(plain, "cache.dat"), NoFind());
  EXPECT_THAT(IdentifyBytes(plain, "model.pkl"), Is("pickle", "model"));
  EXPECT_THAT(IdentifyBytes(plain, "epoch3.ckpt"), Is("pickle", "checkpoint"));
}

TEST(PickleTest, TextAndBrokenStreamsAreNoFind) {
  for (const char* text : {"import torch\nprint(1)\n", "(a note in brackets) .", "\x80\x04\xff\xff", "\x80", "]."})
    EXPECT_THAT(IdentifyBytes(text, "notes.txt"), NoFind()) << text;
  EXPECT_THAT(IdentifyBytes("\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\xff"s), NoFind());
}

TEST(PickleTest, TorchsLegacyFormHasAMagic) {
  EXPECT_THAT(IdentifyBytes("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03."s),
              Is("pytorch_legacy", "model"));
}

TEST(OnnxTest, AModelWithAGraphIsFound) {
  const std::string graph = Field(1, "\x0a\x01x") + Field(2, "main");
  const std::string model = "\x08\x07" + Field(2, "pytorch") + Field(7, graph) + Field(8, "\x10\x0d");
  EXPECT_THAT(IdentifyBytes(model, "m.bin"), Is("onnx", "model"));
}

TEST(OnnxTest, AGraphBeyondTheWindowIsBelievedWhenTheFileHoldsIt) {
  const std::string start = "\x08\x07" + Field(2, "pytorch") + "\x3a\x80\x80\x08\x0a";
  EXPECT_THAT(IdentifyBytes(start + std::string(128 << 10, 'x'), "m.onnx"), Is("onnx", "model"));
  EXPECT_THAT(IdentifyBytes(start, "m.bin"), NoFind());
}

TEST(OnnxTest, OtherMessagesAreNoFind) {
  EXPECT_THAT(IdentifyBytes("\x08\x07" + Field(2, "text")), NoFind());
  EXPECT_THAT(IdentifyBytes("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), NoFind());
}

TEST(NumpyTest, TheHeaderIsCheckedInBounds) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
  EXPECT_THAT(IdentifyBytes("\x93NUMPY\x01"s + '\0' + Number(header.size(), 2) + header).confidence, Ge(0.9));
  EXPECT_THAT(IdentifyBytes("\x93NUMPY\x02"s + '\0' + Number(0xffffffff, 4) + header).confidence, Lt(0.9));
}

struct MagicCase {
  const char* name;
  std::string bytes;
  const char* file_name;
  const char* format;
  const char* klass;
};
class MagicTest : public ::testing::TestWithParam<MagicCase> {};

TEST_P(MagicTest, IsFound) {
  EXPECT_THAT(IdentifyBytes(GetParam().bytes, GetParam().file_name), Is(GetParam().format, GetParam().klass));
}

INSTANTIATE_TEST_SUITE_P(
    Formats, MagicTest,
    ::testing::Values(MagicCase{"Keras", "\x89HDF\r\n\x1a\n"s + "..model_config..", "m.h5", "keras_hdf5", "model"},
                      MagicCase{"KerasUserBlock", std::string(512, '\0') + "\x89HDF\r\n\x1a\nlayer_names", "m",
                                "keras_hdf5", "model"},
                      MagicCase{"TfLite", "\x1c\0\0\0TFL3"s, "m", "tflite", "model"},
                      MagicCase{"TensorRt", "ftrt\0\0\0\0"s, "m.engine", "tensorrt", "model"},
                      MagicCase{"Parquet", "PAR1....PAR1", "d", "parquet", "dataset"},
                      MagicCase{"Arrow", "ARROW1\0\0"s, "d", "arrow", "dataset"},
                      MagicCase{"Faiss",
                                "IxF2" + Number(64, 4) + Number(9, 8) + Number(1 << 20, 8) + Number(1 << 20, 8), "i",
                                "faiss", "vector_store"},
                      MagicCase{"SavedModel", "\x08\x01\x12\x01x", "saved_model.pb", "saved_model", "model"},
                      MagicCase{"TfVariables", "....\x57\xfb\x80\x8b\x24\x75\x47\xdb", "variables.index",
                                "tf_variables", "checkpoint"},
                      MagicCase{"Executorch", "\0\0\0\0ET12"s, "m.pte", "executorch", "model"},
                      MagicCase{"OldGgml", "tjgg\x03\0\0\0"s, "m.bin", "ggml", "model"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(SampleTest, RealFilesAreRead) {
  EXPECT_THAT(IdentifyBytes(Sample("new_pytorch_model.bin"), "new_pytorch_model.bin"), Is("pytorch_zip", "model"));
  EXPECT_THAT(IdentifyBytes(Sample("int_arrays.npz")), Is("npz", "dataset"));
  EXPECT_THAT(IdentifyBytes(Sample("int_array.npy")), Is("numpy", "dataset"));
  EXPECT_THAT(IdentifyBytes(Sample("benign0_v3.pkl"), "benign0_v3.pkl"), Is("pickle", "model"));
  EXPECT_THAT(IdentifyBytes(Sample("malicious1_v4.pkl"), "m.pkl"), Is("pickle", "model"));
  EXPECT_THAT(IdentifyBytes(Sample("not_a_pickle.bin"), "not_a_pickle.bin"), NoFind());
}

TEST(IdentifyTest, EmptyAndShortFilesAreNoFind) {
  std::string bytes;
  for (int i = 0; i < 24; ++i, bytes.push_back('\0')) EXPECT_THAT(IdentifyBytes(bytes), NoFind()) << i;
}

TEST(IdentifyTest, WhatIsNoRegularFileIsAnError) {
  const int fd = open("/dev/null", O_RDONLY);
  EXPECT_FALSE(IdentifyFile(fd, "null").ok());
  close(fd);
  EXPECT_FALSE(IdentifyFile(-1, "closed").ok());
}

}  // namespace
}  // namespace tensorwarden
