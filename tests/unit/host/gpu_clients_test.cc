#include "agent/host/gpu_clients.h"

#include <gtest/gtest.h>

namespace tensorwarden {
namespace {

constexpr ProcessKey kServer{10, 100};
constexpr ProcessKey kThief{11, 110};
constexpr uint32_t kClient = 0xc1d00001;

GpuCall Makes(uint32_t client) { return {.call = "rm_alloc", .use = "client", .client = client}; }

TEST(GpuClientsTest, WhoMadeAClientOwnsIt) {
  GpuClients clients;
  EXPECT_FALSE(clients.Owner(kClient));
  clients.Take(kServer, Makes(kClient));
  EXPECT_EQ(clients.Owner(kClient), kServer);
}

TEST(GpuClientsTest, ARefusedOneIsNobodys) {
  GpuClients clients;
  GpuCall call = Makes(kClient);
  call.status = 0x1b;
  clients.Take(kServer, call);
  call = Makes(kClient);
  call.result = -25;
  clients.Take(kServer, call);
  EXPECT_FALSE(clients.Owner(kClient));
}

TEST(GpuClientsTest, OneWhoseBirthWasMissedIsWhoActsAsIt) {
  GpuClients clients;
  clients.Take(kServer, {.call = "rm_control", .client = kClient});
  EXPECT_EQ(clients.Owner(kClient), kServer);
  clients.Take(kThief, {.call = "rm_control", .client = kClient});  // a descriptor was passed on
  EXPECT_EQ(clients.Owner(kClient), kServer);
  clients.Take(kThief, {.call = "rm_dup_object", .client = kClient + 1, .other = kClient + 2});
  EXPECT_FALSE(clients.Owner(kClient + 2));
}

TEST(GpuClientsTest, ItGoesWhenItIsFreedAndWithItsProcess) {
  GpuClients clients;
  clients.Take(kServer, Makes(kClient));
  clients.Take(kServer, {.call = "rm_free", .client = kClient});  // an object of it
  EXPECT_TRUE(clients.Owner(kClient));
  clients.Take(kServer, {.call = "rm_free", .subject = "client", .client = kClient});
  EXPECT_FALSE(clients.Owner(kClient));
  clients.Take(kServer, Makes(kClient));
  clients.Forget(kServer);
  EXPECT_FALSE(clients.Owner(kClient));
}

TEST(GpuClientsTest, ANumberThatIsUsedAnewIsTheNewOwners) {
  GpuClients clients;
  clients.Take(kServer, Makes(kClient));
  clients.Take(kThief, Makes(kClient));
  clients.Forget(kServer);
  EXPECT_EQ(clients.Owner(kClient), kThief);
}

TEST(GpuClientsTest, WhoMakesTooManyIsNotRememberedWithAll) {
  GpuClients clients;
  for (uint32_t client = 1; client <= 1000; ++client) clients.Take(kThief, Makes(client));
  EXPECT_TRUE(clients.Owner(256));
  EXPECT_FALSE(clients.Owner(257));
  clients.Take(kServer, Makes(kClient));
  EXPECT_EQ(clients.Owner(kClient), kServer);
}

}  // namespace
}  // namespace tensorwarden
