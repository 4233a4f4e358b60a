import { DataFormatError, io } from 'shadegrad';

/**
 * Reads a JSON file that has an object.
 * @throws ResourceError if it cannot be read, DataFormatError if it has none.
 */
export async function readJson(file: string): Promise<Record<string, unknown>> {
  const text = new TextDecoder().decode(await io.readFile(file));
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (error) {
    throw new DataFormatError(file, `expected JSON: ${(error as Error).message}`);
  }
  throw new DataFormatError(file, 'expected a JSON object, such as { "epochs": 10 }');
}
