// Mantine's theme from the same scale that styles.css names: one neutral, one accent, four signals.
import { createTheme, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = [
  "#eef0fc", "#dde1f8", "#bcc3f0", "#98a3e8", "#7887e0", "#5c6dd8", "#4052c8", "#3545b0", "#2b3991", "#212c71",
];
const success: MantineColorsTuple = [
  "#e7f6ee", "#cdebdb", "#9ed7b9", "#6bc294", "#43b076", "#289a60", "#1a7f4d", "#14683f", "#0f5231", "#0a3c24",
];
const danger: MantineColorsTuple = [
  "#fdecec", "#f9d5d4", "#f1abaa", "#ea8180", "#e25d5b", "#d5403e", "#c02f2d", "#a02524", "#801c1b", "#601413",
];

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: 6,
  colors: { accent, success, danger },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontSizes: { xs: "12px", sm: "14px", md: "14px", lg: "16px", xl: "20px" },
  lineHeights: { xs: "16px", sm: "20px", md: "20px", lg: "24px", xl: "28px" },
  defaultRadius: 8,
  cursorType: "pointer",
  respectReducedMotion: true,
  autoContrast: true,
});
