/* start.c - what a Cortex-M needs before main, and how a program ends in an emulator: it tells its exit code by
 * semihosting (Arm, "Semihosting for AArch32 and AArch64", SYS_EXIT_EXTENDED). */
#include <stddef.h>
#include <stdint.h>

extern uint32_t stack_top[], data_begin[], data_end[], data_image[], bss_begin[], bss_end[];
int main(void);
void reset(void);

static void leave(int code)
{
    enum { EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)code};
    __asm__ volatile("mov r0, %0\n mov r1, %1\n bkpt 0xAB" ::"r"(EXIT_EXTENDED), "r"(block) : "r0", "r1", "memory");
    for (;;) {
    }
}

static void fault(void)
{
    leave(99);
}

void reset(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFU << 20; /* switches the floating-point unit on */
    __asm__ volatile("dsb\n isb");
#endif
    for (size_t i = 0; data_begin + i < data_end; i++) {
        data_begin[i] = data_image[i];
    }
    for (size_t i = 0; bss_begin + i < bss_end; i++) {
        bss_begin[i] = 0;
    }
    leave(main());
}

/* The table that the processor looks at first. */
static const struct {
    uint32_t *stack;
    void (*handler[6])(void); /* reset, and the five faults that follow it */
} vectors __attribute__((section(".vectors"), used)) = {stack_top, {reset, fault, fault, fault, fault, fault}};
